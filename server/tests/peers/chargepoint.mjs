// A charge point made of the public npm package `ocpp-rpc` in strict mode: its schemas check every frame both ways.
//
// Played by a test over its standard input, one JSON object a line:
//   {"call": ACTION, "payload": {…}}   says it and prints {"result": {…}} or {"error": {"code": …, "description": …}}
//   {"answer": ACTION, "with": {…}}    from now on this is the answer to that CALL of the central system
// It prints {"open": SUBPROTOCOL}, {"asked": ACTION, "payload": {…}} for each CALL that it gets, {"fault": TEXT} for each frame that
// breaks the standard, {"closed": CODE} at the end. Usage: chargepoint.mjs URL IDENTITY PASSWORD SUBPROTOCOL

import { createInterface } from 'node:readline';
import { RPCClient } from 'ocpp-rpc';

const [endpoint, identity, password, subprotocol] = process.argv.slice(2);

/** What a friendly charge point says. Everything else is {"status": "Accepted"}. */
const FRIENDLY = {
  GetConfiguration: () => ({ configurationKey: [], unknownKey: [] }),
  GetDiagnostics: () => ({}),
  GetLocalListVersion: () => (subprotocol === 'ocpp1.6' ? { listVersion: 0 } : { versionNumber: 0 }),
  UnlockConnector: () => ({ status: 'Unlocked' }),
  UpdateFirmware: () => (subprotocol === 'ocpp1.6' ? {} : { status: 'Accepted' }),
  GetCompositeSchedule: () => ({ status: 'Rejected' }),
  GetInstalledCertificateIds: () => ({ status: 'NotFound' }),
  CostUpdated: () => ({}),
  GetTransactionStatus: () => ({ messagesInQueue: false }),
  GetChargingProfiles: () => ({ status: 'NoProfiles' }),
  GetVariables: ({ getVariableData }) => ({
    getVariableResult: getVariableData.map((it) => ({ ...it, attributeStatus: 'Rejected' })),
  }),
  SetVariables: ({ setVariableData }) => ({
    setVariableResult: setVariableData.map(({ component, variable }) => ({ component, variable, attributeStatus: 'Accepted' })),
  }),
  UnpublishFirmware: () => ({ status: 'Unpublished' }),
  ClearVariableMonitoring: ({ id }) => ({ clearMonitoringResult: id.map((it) => ({ id: it, status: 'Accepted' })) }),
  SetVariableMonitoring: ({ setMonitoringData }) => ({
    setMonitoringResult: setMonitoringData.map(({ component, variable, type, severity }) => ({
      component, variable, type, severity, id: 1, status: 'Accepted',
    })),
  }),
};

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const answers = new Map();

const point = new RPCClient({
  endpoint,
  identity,
  password,
  protocols: [subprotocol],
  strictMode: true,
  reconnect: false,
  callTimeoutMs: 30_000,
});
point.on('badMessage', ({ buffer, error }) => say({ fault: `not a frame: ${buffer}: ${error}` }));
point.on('strictValidationFailure', ({ method, params, result, error }) =>
  say({ fault: `${method} ${JSON.stringify(result ?? params)}: ${error} ${JSON.stringify(error.details ?? {})}` }),
);
point.handle(({ method, params }) => {
  say({ asked: method, payload: params });
  return answers.get(method) ?? FRIENDLY[method]?.(params) ?? { status: 'Accepted' };
});
point.on('close', ({ code }) => {
  say({ closed: code });
  process.exit();
});

await point.connect();
say({ open: point.protocol });

for await (const line of createInterface({ input: process.stdin })) {
  const what = JSON.parse(line);
  if (what.answer) {
    answers.set(what.answer, what.with);
    continue;
  }
  try {
    say({ result: await point.call(what.call, what.payload) });
  } catch (error) {
    say({ error: { code: error.rpcErrorCode ?? String(error), description: error.rpcErrorMessage ?? error.message } });
  }
}
await point.close();
