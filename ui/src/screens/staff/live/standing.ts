/** How a pupil fares, in words; the hub has worked it out. */
import type { PupilStanding, StuckReason } from '../../../api/types';
import { s } from '../texts';

export function describeReason(reason: StuckReason): string {
  switch (reason.why) {
    case 'same_mistake':
      return s('live.why.same_mistake', { what: reason.misconception, n: reason.times });
    case 'wrong_in_row':
      return s('live.why.wrong_in_row', { n: reason.times });
    case 'help_used_up':
      return s('live.why.help_used_up', { level: reason.level });
    case 'long_on_one':
      return s('live.why.long_on_one', { n: reason.minutes });
  }
}

export function describeState(standing: PupilStanding): string {
  return s(standing.state === 'done' && standing.handed_in_at ? 'live.state.handed_in' : `live.state.${standing.state}`);
}

export function describeMinutes(minutes: number): string {
  return minutes < 1 ? s('live.minutes.now') : s('live.minutes', { n: minutes });
}
