"""A charge point made of the public Python package `ocpp`, whose copies of the official schemas check every frame both ways.

Played by a test over its standard input, one JSON object a line:
  {"call": ACTION, "payload": {…}}   says it and prints {"result": {…}} or {"error": {"code": …, "description": …}}
  {"answer": ACTION, "with": {…}}    from now on this is the answer to that CALL of the central system
It prints {"open": SUBPROTOCOL}, {"asked": ACTION, "payload": {…}} for each CALL that it gets, {"fault": TEXT} for each frame that
breaks the standard, {"closed": CODE} at the end. Usage: chargepoint.py URL IDENTITY PASSWORD SUBPROTOCOL
"""

import asyncio
import base64
import importlib
import json
import logging
import sys

import ocpp.charge_point
import websockets
from ocpp.charge_point import camel_to_snake_case
from ocpp.exceptions import OCPPError
from ocpp.messages import MessageType, unpack
from ocpp.routing import on

MODULES = {"ocpp1.6": "ocpp.v16", "ocpp2.0.1": "ocpp.v201"}

# What a friendly charge point says. Everything else is {"status": "Accepted"}.
FRIENDLY = {
    "ocpp1.6": {
        "GetConfiguration": {"configurationKey": [], "unknownKey": []},
        "GetDiagnostics": {},
        "GetLocalListVersion": {"listVersion": 0},
        "UnlockConnector": {"status": "Unlocked"},
        "UpdateFirmware": {},
        "GetCompositeSchedule": {"status": "Rejected"},
        "GetInstalledCertificateIds": {"status": "NotFound"},
    },
    "ocpp2.0.1": {
        "UnlockConnector": {"status": "Unlocked"},
        "CostUpdated": {},
        "GetLocalListVersion": {"versionNumber": 0},
        "GetTransactionStatus": {"messagesInQueue": False},
        "GetCompositeSchedule": {"status": "Rejected"},
        "GetInstalledCertificateIds": {"status": "NotFound"},
        "GetChargingProfiles": {"status": "NoProfiles"},
        "UnpublishFirmware": {"status": "Unpublished"},
    },
}


def say(**what):
    print(json.dumps(what, default=float), flush=True)


def report_violations():
    """Every frame that the package checks and does not like is told, whoever wrote it."""
    check = ocpp.charge_point.validate_payload

    async def checked(message, version):
        try:
            await check(message, version)
        except OCPPError as error:
            say(fault=f"{type(message).__name__} {message.action} {message.payload}: {error!r}")
            raise

    ocpp.charge_point.validate_payload = checked


def charge_point(subprotocol):
    """The package's charge point of this version, with a handler for every action that a central system may send."""
    module = importlib.import_module(MODULES[subprotocol])
    friendly = FRIENDLY[subprotocol]

    class Played(module.ChargePoint):
        def __init__(self, identity, connection):
            self.answers = {}
            self.asked = None
            super().__init__(identity, connection, response_timeout=30)

        async def route_message(self, raw):
            try:
                unpack(raw)
            except OCPPError as error:
                say(fault=f"not a frame: {raw}: {error!r}")
            await super().route_message(raw)

        async def _handle_call(self, message):
            self.asked = message.payload
            return await super()._handle_call(message)

        async def _send(self, message):
            if json.loads(message)[0] == MessageType.CallError:
                say(fault=f"could not be answered: {message}")
            await super()._send(message)

    def handler(action):
        async def handle(self, **_):
            say(asked=action, payload=self.asked)
            default = friendly.get(action, {"status": "Accepted"})
            if action == "GetVariables":
                default = {"getVariableResult": [dict(it, attributeStatus="Rejected") for it in self.asked["getVariableData"]]}
            if action == "SetVariables":
                plain = [{k: it[k] for k in ("component", "variable")} for it in self.asked["setVariableData"]]
                default = {"setVariableResult": [dict(it, attributeStatus="Accepted") for it in plain]}
            if action == "ClearVariableMonitoring":
                default = {"clearMonitoringResult": [{"id": id, "status": "Accepted"} for id in self.asked["id"]]}
            if action == "SetVariableMonitoring":
                plain = [{k: it[k] for k in ("component", "variable", "type", "severity")} for it in self.asked["setMonitoringData"]]
                default = {"setMonitoringResult": [dict(it, status="Accepted", id=1) for it in plain]}
            return getattr(module.call_result, action)(**camel_to_snake_case(self.answers.get(action, default)))

        handle.__name__ = f"played_{action}"
        return on(action)(handle)

    for name in vars(module.call):
        if name[0].isupper() and hasattr(module.call_result, name) and isinstance(getattr(module.call, name), type):
            routed = handler(name)
            setattr(Played, f"played_{name}", routed)
    return module, Played


async def play(point, module):
    """Does what the test says, line by line."""
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        what = json.loads(line)
        if "answer" in what:
            point.answers[what["answer"]] = what["with"]
            continue
        try:
            request = getattr(module.call, what["call"])(**camel_to_snake_case(what["payload"]))
            result = await point.call(request, suppress=False)
            say(result=ocpp.charge_point.snake_to_camel_case(ocpp.charge_point.remove_nones(ocpp.charge_point.serialize_as_dict(result))))
        except OCPPError as error:
            say(error={"code": error.code, "description": error.description})


async def main(url, identity, password, subprotocol):
    report_violations()
    module, played = charge_point(subprotocol)
    credentials = base64.b64encode(f"{identity}:{password}".encode()).decode()
    connection = await websockets.connect(
        f"{url}/{identity}",
        subprotocols=[subprotocol],
        additional_headers={"Authorization": f"Basic {credentials}"},
        proxy=None,
        close_timeout=1,
    )
    say(open=connection.subprotocol)
    point = played(identity, connection)
    listening = asyncio.create_task(point.start())
    playing = asyncio.create_task(play(point, module))
    done, _ = await asyncio.wait({listening, playing}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        error = task.exception()
        if isinstance(error, websockets.ConnectionClosed):
            say(closed=error.rcvd.code if error.rcvd else None)
        elif error is not None:
            say(fault=repr(error))
    listening.cancel()
    playing.cancel()
    await connection.close()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(*sys.argv[1:]))
