import type { Route } from '../../router/routes';

/** The screens of teachers and admins; loaded only when one of them is signed in. The first with a word in the
 * navigation that the person may see is where they begin. */
export const staffRoutes: readonly Route[] = [];
