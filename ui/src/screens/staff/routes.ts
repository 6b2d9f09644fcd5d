import Bell from '@lucide/svelte/icons/bell';
import Building from '@lucide/svelte/icons/building';
import Cpu from '@lucide/svelte/icons/cpu';
import Library from '@lucide/svelte/icons/library';
import School from '@lucide/svelte/icons/school';
import Users from '@lucide/svelte/icons/users';
import type { Route } from '../../router/routes';
import './faultWords';
import { s } from './texts';

/** The screens of teachers and admins; loaded only when one of them is signed in. The first with a word in the
 * navigation that the person may see is where they begin. */
export const staffRoutes: readonly Route[] = [
  {
    path: '/notices',
    roles: ['admin'],
    load: () => import('./admin/Notices.svelte'),
    nav: { word: () => s('menu.notices'), icon: Bell },
  },
  {
    path: '/classes',
    roles: ['teacher', 'admin'],
    load: () => import('./classes/Classes.svelte'),
    nav: { word: () => s('menu.classes'), icon: School },
  },
  { path: '/classes/:class_id/live', roles: ['teacher', 'admin'], load: () => import('./live/ClassLive.svelte') },
  { path: '/classes/:class_id/people', roles: ['teacher', 'admin'], load: () => import('./classes/ClassPeople.svelte') },
  { path: '/classes/:class_id/report', roles: ['teacher', 'admin'], load: () => import('./reports/ClassReport.svelte') },
  { path: '/classes/:class_id/settings', roles: ['teacher', 'admin'], load: () => import('./classes/ClassSettings.svelte') },
  { path: '/classes/:class_id/code', roles: ['teacher', 'admin'], load: () => import('./classes/ClassCode.svelte') },
  { path: '/classes/:class_id/lessons/new', roles: ['teacher', 'admin'], load: () => import('./classes/OpenLesson.svelte') },
  { path: '/classes/:class_id/pupils/:user_id', roles: ['teacher', 'admin'], load: () => import('./classes/PupilPage.svelte') },
  { path: '/classes/:class_id/pupils/:user_id/data', roles: ['teacher', 'admin'], load: () => import('./people/PupilData.svelte') },
  { path: '/roster', roles: ['teacher', 'admin'], load: () => import('./people/RosterImport.svelte') },
  { path: '/address', roles: ['teacher', 'admin'], load: () => import('./people/HubAddress.svelte') },
  {
    path: '/library',
    roles: ['teacher', 'admin'],
    load: () => import('./problems/ProblemList.svelte'),
    nav: { word: () => s('menu.library'), icon: Library },
  },
  { path: '/library/new', roles: ['teacher', 'admin'], load: () => import('./problems/ProblemEditor.svelte') },
  { path: '/library/import', roles: ['teacher', 'admin'], load: () => import('./problems/ImportProblems.svelte') },
  { path: '/library/:problem_id/regrade', roles: ['teacher', 'admin'], load: () => import('./problems/Regrade.svelte') },
  { path: '/library/:problem_id', roles: ['teacher', 'admin'], load: () => import('./problems/ProblemEditor.svelte') },
  {
    path: '/people',
    roles: ['admin'],
    load: () => import('./admin/People.svelte'),
    nav: { word: () => s('menu.people'), icon: Users },
  },
  { path: '/people/:user_id/data', roles: ['admin'], load: () => import('./people/PupilData.svelte') },
  { path: '/rollover', roles: ['admin'], load: () => import('./people/Rollover.svelte') },
  {
    path: '/models',
    roles: ['admin'],
    load: () => import('./admin/Models.svelte'),
    nav: { word: () => s('menu.models'), icon: Cpu },
  },
  {
    path: '/house',
    roles: ['admin'],
    load: () => import('./admin/House.svelte'),
    nav: { word: () => s('menu.house'), icon: Building },
  },
  { path: '/doctor', roles: ['admin'], load: () => import('./admin/Doctor.svelte') },
  { path: '/backup', roles: ['admin'], load: () => import('./admin/Backup.svelte') },
  { path: '/audit', roles: ['admin'], load: () => import('./admin/Audit.svelte') },
  { path: '/keys', roles: ['admin'], load: () => import('./admin/ApiKeys.svelte') },
  { path: '/retention', roles: ['admin'], load: () => import('./admin/Retention.svelte') },
];
