import { expect, test } from 'vitest';
import { folderAt } from '#bundle-source';
import { folderAtUrl } from './folder.js';

const page = 'https://example.org/app/index.html?page=1#top';

test.each([
  'model',
  './model/',
  'model//',
  '../app/./model',
  '/app/model/?v=3',
  'model?v=3',
  'model/#x',
  'model/manifest.json',
  'model/manifest.json?v=3',
  'https://EXAMPLE.org:443/app/model',
  'HTTPS://example.org/other/../app/%6dodel/',
])('%s is one folder, whatever its query and hash', (address) => {
  expect(folderAtUrl(address, page).key).toBe('https://example.org/app/model');
});

test.each([
  ['model', 'https://example.org/app/model/model.onnx'],
  ['model/?v=3', 'https://example.org/app/model/model.onnx?v=3'],
  ['model?sig=a%2Fb&x=1#y', 'https://example.org/app/model/model.onnx?sig=a%2Fb&x=1'],
  ['/', 'https://example.org/model.onnx'],
  ['/my model/', 'https://example.org/my%20model/model.onnx'],
  ['/a%2fb/', 'https://example.org/a%2Fb/model.onnx'],
])("of %s, the query stays behind the file's name", (address, expected) => {
  expect(folderAtUrl(address, page).addressOf('model.onnx')).toBe(expected);
});

test('messages name a file without the query, which may be a signature', () => {
  expect(folderAtUrl('model?sig=secret', page).nameOf('model.onnx')).toBe('https://example.org/app/model/model.onnx');
});

test('folders that differ in the case of their path stay different', () => {
  expect(folderAtUrl('/Model', page).key).not.toBe(folderAtUrl('/model', page).key);
});

test.each([
  ['bundles/first', 'bundles/first/model.onnx'],
  ['./bundles//first/', 'bundles/first/model.onnx'],
  ['bundles/first/manifest.json', 'bundles/first/model.onnx'],
  ['.', './model.onnx'],
  ['/', '/model.onnx'],
  ['what?', 'what?/model.onnx'],
  ['file:///srv/my%20model/?v=3', '/srv/my model/model.onnx'],
])('in Node, %s is a path', (address, expected) => {
  expect(folderAt(address).addressOf('model.onnx')).toBe(expected);
});
