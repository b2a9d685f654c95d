"""What only real servers can refuse: one sentence, exit code 2, and no process left."""

from __future__ import annotations

from pathlib import Path

from testkit.local.local_run import local_run, write_run
from testkit.servers.redis_server import start_redis


def test_wrong_password(tmp_path: Path) -> None:
    """Expect the address without the password, before anything is started."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    with start_redis(folder) as server:
        url = f"redis://127.0.0.1:{server.port}/0"
        file = write_run(tmp_path / "run.yaml", games=10, redis={"url": url})
        with local_run(tmp_path, file) as run:
            assert run.finish(seconds=60) == 2
    assert run.said() == (
        f"trainingrun: spec.redis.url: Redis at 127.0.0.1:{server.port} refused the password: check"
        " the URL or the Secret it comes from\n"
    )


def test_storage_that_does_not_answer(tmp_path: Path) -> None:
    """Expect the learner's own sentence about its bucket while it waits for it, and an end at the
    first Ctrl-C, as there is nothing to save."""
    rights = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    storage = {
        "storage": {"s3": {"bucket": "nowhere", "prefix": "x", "endpointUrl": "http://127.0.0.1:9"}}
    }
    file = write_run(tmp_path / "run.yaml", games=10, checkpoint=storage)
    with local_run(tmp_path, file, environment=rights) as run:
        told = "! CheckpointStorageUnreachable: learner-0: checkpoint storage s3://nowhere/x"
        run.wait_until(lambda: told in run.said(), "the bucket", seconds=120)
        run.interrupt()
        assert run.finish(seconds=60) == 130, run.said()
        assert "Stopping: the learner has not begun" in run.said()
        assert run.said().endswith("Stopped; run the same command again to resume.\n")
        assert "Traceback" not in run.said()


def test_redis_that_is_not_ours(tmp_path: Path) -> None:
    """Expect a run on a given Redis to complete, and that Redis to live on: its one address is of
    a user with all rights."""
    folder = tmp_path / "given"
    folder.mkdir()
    with start_redis(folder) as server:
        file = write_run(tmp_path / "run.yaml", games=30, redis={"url": server.admin_url})
        with local_run(tmp_path, file) as run:
            assert run.finish() == 0, run.said()
            assert run.summary()["games"] >= 30
            assert not (run.state / "logs" / "redis-0.log").exists()
        with server.client() as client:
            assert client.ping()
