/** Staff are told of a fault in their own words while one of them is signed in. */
import { wordFaultsBy } from '../../components/FaultNote.svelte';
import { session } from '../../state/session.svelte';
import { s, type StaffTextKey } from './texts';
import { ko } from './texts/ko';

wordFaultsBy((code, part) => {
  const role = session.me?.role;
  const key = `fault.${code}.${part}`;
  return (role === 'teacher' || role === 'admin') && isText(key) ? s(key) : null;
});

function isText(key: string): key is StaffTextKey {
  return key in ko;
}
