/** Lines of at most `width`; all but the first begin with `hang` blanks. */
export function wrapped(text, width, hang = 0) {
  const lines = [''];
  for (const word of text.split(/(?<=\S)(?= )/)) {
    const last = lines.length - 1;
    if (lines[last].length + word.length > width && lines[last].trim() !== '') lines.push(' '.repeat(hang) + word.trimStart());
    else lines[last] += word;
  }
  return lines;
}
