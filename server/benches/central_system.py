"""The peer of the figures: a central system made of the public Python package `ocpp` that answers and stores nothing.

It is written as the package's own manual teaches: one object a connection, a decorated method an action, every frame checked against
the official schemas. Nothing is logged, no credentials are asked for. Usage: central_system.py PORT; it prints "ready" when it listens.
"""

import asyncio
import logging
import sys
from datetime import datetime, timezone

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus


def now():
    return datetime.now(timezone.utc).isoformat()


class Answers(ChargePoint):
    transactions = 0

    @on("BootNotification")
    def on_boot(self, **_):
        return call_result.BootNotification(current_time=now(), interval=300, status=RegistrationStatus.accepted)

    @on("Heartbeat")
    def on_heartbeat(self):
        return call_result.Heartbeat(current_time=now())

    @on("StatusNotification")
    def on_status(self, **_):
        return call_result.StatusNotification()

    @on("StartTransaction")
    def on_start(self, **_):
        Answers.transactions += 1
        accepted = IdTagInfo(status=AuthorizationStatus.accepted)
        return call_result.StartTransaction(transaction_id=Answers.transactions, id_tag_info=accepted)

    @on("MeterValues")
    def on_meter(self, **_):
        return call_result.MeterValues()

    @on("StopTransaction")
    def on_stop(self, **_):
        return call_result.StopTransaction()


async def serve(connection):
    try:
        await Answers(connection.request.path.rsplit("/", 1)[-1], connection).start()
    except websockets.exceptions.ConnectionClosed:
        pass


async def main(port):
    # A storm must not be refused by a short queue; no compression, as the load generator asks for none.
    async with websockets.serve(serve, "127.0.0.1", port, subprotocols=["ocpp1.6"], compression=None, backlog=4096):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(int(sys.argv[1])))
