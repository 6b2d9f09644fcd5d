/** Every walk in order, each in Korean and in English, on as few hubs as they need. */
import type { Scene } from '../device.ts';
import { type HubOptions, type RunningHub, startHub } from '../hub.ts';
import { School } from '../school.ts';
import type { Tongue } from '../words.ts';
import { walkAdmin } from './admin.ts';
import { walkBackup } from './backup.ts';
import { walkEntry } from './entry.ts';
import { walkExam, walkExamEnd, walkExamGrades } from './exam.ts';
import { walkFormats } from './formats.ts';
import { walkGroups } from './groups.ts';
import { walkHelp, walkNotice } from './help.ts';
import { walkHouse } from './house.ts';
import { walkLesson } from './lesson.ts';
import { walkMonday } from './monday.ts';
import { walkOffline } from './offline.ts';
import { walkParent } from './parent.ts';
import { walkPeople } from './people.ts';
import { walkPupil } from './pupil.ts';
import { walkReports } from './reports.ts';
import { walkSetup } from './setup.ts';
import { walkTeacher } from './teacher.ts';

const TONGUES: readonly Tongue[] = ['ko', 'en'];

interface Walk {
  name: string;
  tongue: Tongue;
  run: (hub: RunningHub, tongue: Tongue) => Promise<void>;
}

/** Runs the walks whose names contain one of `wanted`; all of them if nothing is wanted in particular. */
export async function walkSchool(scene: Scene, wanted: string[]): Promise<void> {
  const inBoth = (name: string, run: Walk['run']): Walk[] => TONGUES.map((tongue) => ({ name: `${name} (${tongue})`, tongue, run }));
  const atSchool = (walk: (scene: Scene, hub: RunningHub, school: School) => Promise<void>): Walk['run'] => {
    return async (hub, tongue) => walk(scene, hub, await School.visit(hub, tongue));
  };
  const isWanted = ({ name }: Walk) => wanted.length === 0 || wanted.some((part) => name.includes(part));
  const on = async (options: HubOptions, walks: Walk[]) => {
    const chosen = walks.filter(isWanted);
    if (chosen.length === 0) return;
    const hub = await startHub(options);
    try {
      for (const { name, tongue, run } of chosen) await scene.report.walk(name, () => run(hub, tongue));
    } finally {
      await hub.stop();
    }
  };

  await on({ demo: true, engine: 'scripted' }, [
    ...inBoth('pupil', atSchool(walkPupil)),
    ...inBoth('entry', atSchool(walkEntry)),
    ...inBoth('offline', atSchool(walkOffline)),
    ...inBoth('teacher', atSchool(walkTeacher)),
    ...inBoth('parent', atSchool(walkParent)),
    ...inBoth('admin', atSchool(walkAdmin)),
  ]);
  // These change classes, keys and people.
  await on({ demo: true, engine: 'scripted' }, [
    ...inBoth('lesson', atSchool(walkLesson)),
    ...inBoth('groups', atSchool(walkGroups)),
    ...inBoth('exam', atSchool(walkExam)),
    ...inBoth('ended exam', atSchool(walkExamEnd)),
    ...inBoth('grades of an exam', atSchool(walkExamGrades)),
    ...inBoth('reports', atSchool(walkReports)),
    ...inBoth('formats', atSchool(walkFormats)),
    ...inBoth('people', atSchool(walkPeople)),
    ...inBoth('house', atSchool(walkHouse)),
  ]);
  await on({ demo: true, engine: 'none' }, inBoth('no engine', atSchool(async (at, hub, school) => {
    await walkHelp(at, hub, school, 'author');
    await walkNotice(at, hub, school);
  })));
  // The starter model speaks English only.
  if (process.env.DREAMSEED_TEST_MODEL) {
    await on({ demo: true, engine: 'llama' }, inBoth('real model', atSchool(async (at, hub, school) => {
      await walkHelp(at, hub, school, school.tongue === 'en' ? 'ai' : 'author');
      if (school.tongue !== 'en') await walkNotice(at, hub, school);
    })));
  }
  for (const tongue of TONGUES) {
    // A hub that has never been backed up, for each.
    await on({ demo: true, engine: 'none' }, [{ name: `backup (${tongue})`, tongue, run: async (hub) => walkBackup(scene, hub, await School.visit(hub, tongue)) }]);
    await on({ demo: false, engine: 'scripted' }, [{ name: `setup (${tongue})`, tongue, run: (hub) => walkSetup(scene, hub, tongue) }]);
    await on({ demo: false, engine: 'scripted' }, [{ name: `monday (${tongue})`, tongue, run: (hub) => walkMonday(scene, hub, tongue) }]);
  }
}
