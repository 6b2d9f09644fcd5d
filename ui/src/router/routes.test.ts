import { describe, expect, it } from 'vitest';
import { matchPath } from './routes';

describe('matchPath', () => {
  it('reads parameters and refuses other paths', () => {
    expect(matchPath('/lessons/:lesson_id/problems/:id', '/lessons/a%20b/problems/2/')).toEqual({ lesson_id: 'a b', id: '2' });
    expect(matchPath('/lessons/:lesson_id', '/lessons')).toBeNull();
    expect(matchPath('/lessons/:lesson_id', '/classes/1')).toBeNull();
    expect(matchPath('/a/:b', '/a/%E0%A4%A')).toBeNull();
  });
});
