'use strict';
// npm's smpp as a codec: PDUs in and out. Octets are {"hex"}, in both directions.

const smpp = require('smpp');
const { say, obey } = require('./lines');

function octets(key, value) {
  if (value && value.type === 'Buffer') return { hex: Buffer.from(value.data).toString('hex') };
  return value;
}

function revive(key, value) {
  return value && value.hex !== undefined ? Buffer.from(value.hex, 'hex') : value;
}

obey({
  decode: ({ frame }) => {
    const pdu = smpp.PDU.fromBuffer(Buffer.from(frame, 'hex'));
    return { pdu: JSON.parse(JSON.stringify(pdu), octets) };
  },
  encode: ({ command, fields }) => {
    const pdu = new smpp.PDU(command, JSON.parse(JSON.stringify(fields), revive));
    return { frame: pdu.toBuffer().toString('hex') };
  },
});

say({ event: 'ready' });
