'use strict';
// Lines of JSON: what the test asks comes on stdin, answers and events go to stdout.

const readline = require('readline');

function say(object) {
  process.stdout.write(JSON.stringify(object) + '\n');
}

// Every line is {"id", "do", ...}; the answer is {"id", ...what the word's function returns}.
function obey(words) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const { id, do: word, ...rest } = JSON.parse(line);
    try {
      say({ id, ...(await words[word](rest)) });
    } catch (error) {
      say({ id, failed: String(error && error.stack) });
    }
  });
  lines.on('close', () => process.exit(0));
}

// A decoded text: a string where the library knows the coding, else octets in hexadecimal.
function content(value) {
  if (value === undefined || Buffer.isBuffer(value)) {
    return { octets: (value || Buffer.alloc(0)).toString('hex') };
  }
  const udh = (value.udh || []).map((element) => element.toString('hex'));
  return Buffer.isBuffer(value.message)
    ? { octets: value.message.toString('hex'), udh }
    : { text: value.message, udh };
}

module.exports = { say, obey, content };
