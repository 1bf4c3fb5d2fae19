// Recursion of JavaScript through the engine's own functions: MODE DEPTH REPEAT LIBRARY.
const [, , mode, depthText, repeat, library] = process.argv;
const depth = Number(depthText);
const module_ = { exports: {} };
process.dlopen(module_, library);
const leaf = module_.exports;

const visit = level => {
  if (level <= 3 || level === depth || level % (Math.floor(depth / 4) + 1) === 0) leaf();
};

const modes = {
  plain(level) {
    visit(level);
    return level < depth ? modes.plain(level + 1) + 1 : 0;
  },
  array(level) {
    visit(level);
    return level < depth ? [level + 1].map(modes.array)[0] + 1 : 0;
  },
  json(level) {
    visit(level);
    if (level < depth) JSON.parse('1', () => modes.json(level + 1));
  },
};

for (let i = 0; i < Number(repeat); i++) modes[mode](1);
