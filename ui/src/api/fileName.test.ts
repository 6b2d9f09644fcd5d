import { describe, expect, it } from 'vitest';
import { fileNameOf } from './client';

describe('the name of a file that the hub sends', () => {
  it('is read in its UTF-8 form first', () => {
    expect(fileNameOf("attachment; filename*=UTF-8''5%ED%95%99%EB%85%84.csv")).toBe('5학년.csv');
    expect(fileNameOf(`attachment; filename="cards.pdf"; filename*=UTF-8''%EC%B9%B4%EB%93%9C.pdf`)).toBe('카드.pdf');
    expect(fileNameOf('attachment; filename="cards.pdf"')).toBe('cards.pdf');
  });

  it('is nothing that leads into another folder, and nothing that is broken', () => {
    expect(fileNameOf('attachment; filename="../cards.pdf"')).toBeNull();
    expect(fileNameOf("attachment; filename*=UTF-8''%E0%A4%A")).toBeNull();
    expect(fileNameOf(null)).toBeNull();
  });
});
