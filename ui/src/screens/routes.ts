import ChartColumn from '@lucide/svelte/icons/chart-column';
import ListChecks from '@lucide/svelte/icons/list-checks';
import UsersRound from '@lucide/svelte/icons/users-round';
import { t } from '../i18n';
import type { Route } from '../router/routes';

/** The screens of everybody but staff. */
export const coreRoutes: readonly Route[] = [
  { path: '/sign-in', roles: 'anyone', load: () => import('./SignIn.svelte') },
  { path: '/card', roles: 'anyone', load: () => import('./CardSignIn.svelte') },
  { path: '/join', roles: 'anyone', load: () => import('./Join.svelte') },
  { path: '/setup', roles: 'anyone', load: () => import('./SetUp.svelte') },
  {
    path: '/problems',
    roles: ['student'],
    load: () => import('./MyProblems.svelte'),
    nav: { word: () => t('app.menu.problems'), icon: ListChecks },
  },
  { path: '/lessons/:lesson_id/problems/:problem_version_id', roles: ['student'], load: () => import('./Solve.svelte') },
  { path: '/lessons/:lesson_id/exam', roles: ['student'], load: () => import('./Exam.svelte') },
  { path: '/lessons/:lesson_id/finished', roles: ['student'], load: () => import('./LessonFinished.svelte') },
  {
    path: '/progress',
    roles: ['student'],
    load: () => import('./MyProgress.svelte'),
    nav: { word: () => t('app.menu.progress'), icon: ChartColumn },
  },
  {
    path: '/children',
    roles: ['parent'],
    load: () => import('./Children.svelte'),
    nav: { word: () => t('app.menu.children'), icon: UsersRound },
  },
  { path: '/children/:pupil_id', roles: ['parent'], load: () => import('./ChildProgress.svelte') },
  { path: '/account', roles: ['student', 'parent', 'teacher', 'admin'], load: () => import('./Account.svelte') },
];
