import Bell from '@lucide/svelte/icons/bell';
import Cpu from '@lucide/svelte/icons/cpu';
import Library from '@lucide/svelte/icons/library';
import School from '@lucide/svelte/icons/school';
import Users from '@lucide/svelte/icons/users';
import type { Route } from '../../router/routes';
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
  { path: '/classes/:class_id/settings', roles: ['teacher', 'admin'], load: () => import('./classes/ClassSettings.svelte') },
  { path: '/classes/:class_id/code', roles: ['teacher', 'admin'], load: () => import('./classes/ClassCode.svelte') },
  { path: '/classes/:class_id/lessons/new', roles: ['teacher', 'admin'], load: () => import('./classes/OpenLesson.svelte') },
  { path: '/classes/:class_id/pupils/:user_id', roles: ['teacher', 'admin'], load: () => import('./classes/PupilPage.svelte') },
  {
    path: '/library',
    roles: ['teacher', 'admin'],
    load: () => import('./problems/ProblemList.svelte'),
    nav: { word: () => s('menu.library'), icon: Library },
  },
  { path: '/library/new', roles: ['teacher', 'admin'], load: () => import('./problems/ProblemEditor.svelte') },
  { path: '/library/:problem_id', roles: ['teacher', 'admin'], load: () => import('./problems/ProblemEditor.svelte') },
  {
    path: '/people',
    roles: ['admin'],
    load: () => import('./admin/People.svelte'),
    nav: { word: () => s('menu.people'), icon: Users },
  },
  {
    path: '/models',
    roles: ['admin'],
    load: () => import('./admin/Models.svelte'),
    nav: { word: () => s('menu.models'), icon: Cpu },
  },
];
