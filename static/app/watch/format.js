// Numbers in the reader's language.

const plain = new Intl.NumberFormat(document.documentElement.lang);

export function number(value) {
  return plain.format(value);
}
