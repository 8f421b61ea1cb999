import { expect, test } from 'vitest';
import { begunWord, goesOn, textWith } from './begun-word.js';

test.each([
  ['the riv', 'riv'],
  ['the river ', ''],
  ["don't", "don't"],
  ['春风又绿', ''],
  ['春风又绿，', ''],
  ['我喜欢app', 'app'],
  ['我喜欢 the riv', 'riv'],
  ['「the', '「the'],
  ['春风「the', 'the'],
  ['東京に行き', ''],
  ['สวัสดี', ''],
  ['مرحبا بال', 'بال'],
  ['می‌خو', 'می‌خو'],
  ['한국어 문', '문'],
])('after %j, what is typed of a word is %j', (text, typed) => {
  expect(begunWord(text, 'char')).toBe(typed);
});

test('if tokens are words, white space separates words', () => {
  expect(begunWord('春风 又绿', 'word')).toBe('又绿');
  expect(textWith('春风 又', '又绿', 'word')).toBe('春风 又绿 ');
});

test.each([
  ['the riv', 'river', 'the river '],
  ['春风', '又绿', '春风又绿'],
  ['我喜欢ap', 'app', '我喜欢app '],
  ['東京に', '行き', '東京に行き'],
  ['สวัสดี', 'ครับ', 'สวัสดีครับ'],
  ['שלום ', 'עולם', 'שלום עולם '],
])('%j with the suggestion %j becomes %j', (text, suggestion, taken) => {
  expect(textWith(text, suggestion, 'char')).toBe(taken);
});

test('words of scripts without spaces end where a dictionary says', () => {
  expect(goesOn('江', '南')).toBe(true);
  expect(goesOn('江南', '岸')).toBe(false);
  expect(goesOn('สวัส', 'ดี')).toBe(true);
  expect(goesOn('สวัสดี', 'ครับ')).toBe(false);
});
