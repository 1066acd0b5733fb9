'use strict';
// A carrier made with npm's smpp. It takes any bind and any submit, unless it is told otherwise.

const fs = require('fs');
const smpp = require('smpp');
const { say, obey, content } = require('./lines');

const links = new Set();
let rules = [];
let receipts = true;
let refusals = 0;
let next = 0x7ffffff0; // ids soon need more than 31 bits

const [cert, key] = process.argv.slice(2).map((name) => fs.readFileSync(name));
const server = smpp.createServer(cert ? { cert, key } : {}, (session) => {
  const link = { session, system_id: '', receives: false };
  links.add(link);
  session.on('close', () => links.delete(link) && say({ event: 'closed' }));
  session.on('error', (error) => say({ event: 'error', text: String(error) }));
  session.on('pdu', (pdu) => {
    if (pdu.isResponse()) return;
    if (pdu.command.startsWith('bind_')) return bind(link, pdu);
    if (pdu.command === 'submit_sm') return submit(link, pdu);
    say({ event: pdu.command });
    session.send(pdu.response());
    if (pdu.command === 'unbind') session.close();
  });
});

function bind(link, pdu) {
  const { command, system_id, password, system_type, interface_version } = pdu;
  if (refusals > 0) {
    refusals -= 1;
    link.session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
    link.session.close();
    return;
  }
  link.system_id = system_id;
  link.receives = command !== 'bind_transmitter';
  link.session.send(pdu.response({ system_id: 'node', sc_interface_version: 0x34 }));
  say({ event: 'bind', command, system_id, password, system_type, interface_version });
}

function submit(link, pdu) {
  const rule = rules.find((r) => r.times !== 0 && pdu.destination_addr.endsWith(r.to));
  if (rule) rule.times -= 1;
  const status = rule ? rule.status : 0;
  const id = String(++next);
  const { source_addr, source_addr_ton, source_addr_npi } = pdu;
  const { destination_addr, dest_addr_ton, dest_addr_npi } = pdu;
  const { esm_class, data_coding, registered_delivery, user_message_reference } = pdu;
  say({
    event: 'submit', status, source_addr, source_addr_ton, source_addr_npi, destination_addr,
    dest_addr_ton, dest_addr_npi, esm_class, data_coding, registered_delivery,
    user_message_reference, message_id: id, ...content(pdu.short_message),
  });
  if (rule && rule.drop) return link.session.destroy();
  link.session.send(pdu.response(status ? { command_status: status } : { message_id: id }));
  if (!status && receipts && registered_delivery & 1) receipt(link, pdu, id);
}

function receipt(link, pdu, id) {
  const to = [...links].find((l) => l.receives && l.system_id === link.system_id);
  if (!to) return;
  to.session.deliver_sm({
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:2611220000 done date:2611220001 ` +
      'stat:DELIVRD err:000 text:',
    receipted_message_id: id,
    message_state: smpp.MESSAGE_STATE.DELIVERED,
  }, (response) => say({ event: 'receipt', status: response.command_status }));
}

// What every bound link answers to a request of ours.
function ask(command, options) {
  const bound = [...links].filter((l) => l.system_id);
  return Promise.all(bound.map((link) => new Promise((resolve) => {
    link.session[command](options || {}, (response) => resolve({
      command: response.command, status: response.command_status,
    }));
  })));
}

obey({
  rule: (rule) => { rules.push({ times: -1, ...rule }); },
  refuse: ({ binds }) => { refusals = binds; },
  receipts: ({ on }) => { receipts = on; },
  enquire: async () => ({ answers: await ask('enquire_link') }),
  unbind: async () => {
    const answers = await ask('unbind');
    for (const link of links) link.session.close();
    return { answers };
  },
  drop: () => { for (const link of links) link.session.destroy(); },
  reply: async ({ parts, ...fields }) => {
    const to = [...links].find((l) => l.receives);
    const answers = [];
    for (const { hex } of parts) {
      const options = { ...fields, short_message: Buffer.from(hex, 'hex') };
      answers.push(await new Promise((resolve) => {
        to.session.deliver_sm(options, (response) => resolve(response.command_status));
      }));
    }
    return { answers };
  },
});

server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
