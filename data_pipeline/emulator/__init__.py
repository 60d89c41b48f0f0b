"""The synthetic market served over KIS's and KRX's own wire, with their limits and, on request, their faults.

Start it with ``python -m data_pipeline.emulator`` or, from a test, with
:class:`data_pipeline.emulator.process.EmulatorProcess`; in process, :func:`data_pipeline.emulator.app.create_app`
gives the ASGI application.
"""
