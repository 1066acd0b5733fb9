'use strict';
// An ESME made with npm's smpp.

const smpp = require('smpp');
const { say, obey, content } = require('./lines');

let session;

function ask(command, options) {
  return new Promise((resolve) => session[command](options, resolve));
}

obey({
  bind: ({ port, command, system_id, password }) => new Promise((resolve) => {
    session = smpp.connect({ host: '127.0.0.1', port });
    session.on('connect', async () => {
      const response = await ask(command, { system_id, password, interface_version: 0x34 });
      resolve({ status: response.command_status, system_id: response.system_id });
    });
    session.on('error', (error) => say({ event: 'error', text: String(error) }));
    session.on('close', () => say({ event: 'closed' }));
    session.on('deliver_sm', (pdu) => {
      const { esm_class, source_addr, destination_addr, data_coding } = pdu;
      const { receipted_message_id, message_state } = pdu;
      say({
        event: 'deliver', esm_class, source_addr, destination_addr, data_coding,
        receipted_message_id, message_state, ...content(pdu.short_message),
      });
      session.send(pdu.response());
    });
    for (const command of ['enquire_link', 'unbind']) {
      session.on(command, (pdu) => {
        say({ event: command });
        session.send(pdu.response(), undefined, () => command === 'unbind' && session.close());
      });
    }
  }),
  submit: async ({ text, udh, ...options }) => {
    const message = udh ? { udh: Buffer.from(udh, 'hex'), message: text } : text;
    const response = await ask('submit_sm', { ...options, short_message: message });
    return { status: response.command_status, message_id: response.message_id };
  },
  enquire: async () => ({ status: (await ask('enquire_link', {})).command_status }),
  unbind: async () => {
    const response = await ask('unbind', {});
    session.close();
    return { status: response.command_status, command: response.command };
  },
});

say({ event: 'ready' });
