"""Owns what the lines of the queue of this machine mean: ``#LOCAL``."""

from __future__ import annotations

from typedxp.runner.scripts.dialect import Dialect, always, clock, many, number, text

LOCAL = Dialect(
    scheduler="local",
    prefixes=("#LOCAL",),
    reads={
        "--name": text("name"),
        "--slots": number("slots"),
        "--cpus": number("cpus"),
        "--gpus": number("gpus"),
        "--gpu-ids": many("gpu_ids"),
        "--time": clock("time"),
        "--warn": clock("warn"),
        "--grace": clock("grace"),
        "--after": many("after"),
        "--requeue": always("requeue"),
        "--no-requeue": always("requeue", value=False),
    },
    bare=frozenset({"--requeue", "--no-requeue", "--hold"}),
    left=frozenset({"--output", "--array"}),
    adds=frozenset({"--after", "--gpu-ids"}),
    needs={"warn": "time", "gpu_ids": "gpus"},
)
