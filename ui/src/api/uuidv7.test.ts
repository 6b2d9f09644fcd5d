import { describe, expect, it } from 'vitest';
import { makeUuidV7 } from './uuidv7';

describe('makeUuidV7', () => {
  it('agrees with the example of RFC 9562', () => {
    // A.6: 2022-02-22 19:22:22 GMT, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    const bytes = [0, 0, 0, 0, 0, 0, 0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
    const id = makeUuidV7(0x017f22e279b0, (target) => target.set(bytes));
    expect(id).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('has its version and variant, differs each time and grows with time', () => {
    const ids = Array.from({ length: 200 }, (_, i) => makeUuidV7(1_800_000_000_000 + i));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });
});
