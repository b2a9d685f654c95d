"""The verb's options; what it does is in the modules beside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainingrun.commands.addresses import endpoints_in
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import STATE, FileOption, LocalStateOption


def add_steering(app: Verbs) -> None:
    """Add the verb ``steer``."""
    app.verb(
        "steer",
        panel=Panel.TRAIN,
        examples=(
            "TRAININGRUN_REDIS_URL=redis://:password@redis:6379/0 trainingrun steer -f run.yaml"
            " --daemons daemon:17171",
            "trainingrun steer -f run.yaml --daemons 10.0.0.5:17171,10.0.0.6:17171"
            " --storage s3://checkpoints --metrics-port 9090",
        ),
    )(_steer)


def _steer(
    *,
    file: FileOption,
    daemons: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,...",
            help="The daemons; a name with several addresses is all of them. Override"
            " spec.daemon.external.",
        ),
    ] = None,
    state: LocalStateOption = STATE,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the roles read their configuration. Default: in the run's state.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="For a run that names no storage: checkpoints go to URL/NAME. Default: in the"
            " run's state.",
        ),
    ] = None,
    metrics_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Serve the run's metrics; 0: none.")
    ] = 0,
    scrape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=HOST:PORT",
            help="Where a role serves metrics; STATE/metrics.json lists all addresses for"
            " Prometheus' file_sd_configs. Can be repeated.",
        ),
    ] = None,
) -> None:
    """Steer a run whose processes somebody else starts: Docker Compose, systemd, a batch system.

    Does what the operator does, except starting and ending processes: leases the daemons' slots,
    orders the roles to drain, flush and evaluate, and keeps the status. TRAININGRUN_REDIS_URL names
    the run's Redis. Ends when the run is complete (0) or has failed (1).
    """
    # Imported here because no other verb needs the control loop, which takes half a second.
    from trainingrun.commands.steer.command import SteerOptions  # noqa: PLC0415
    from trainingrun.commands.steer.command import steer as lead  # noqa: PLC0415
    from trainingrun.commands.steer.scraping import scraped_in  # noqa: PLC0415

    options = SteerOptions(
        file=file,
        daemons=endpoints_in(daemons) if daemons is not None else (),
        state=state,
        config=config,
        storage=storage,
        metrics_port=metrics_port,
        scrape=scraped_in(scrape or ()),
    )
    raise typer.Exit(lead(options))
