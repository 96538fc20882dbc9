"""Log records of four scalars: `python log.py typedxp|typed|bare|mlxp RECORDS`."""

import os
import sys
import tempfile


def typedxp_log(directory):
    import typedxp

    return typedxp.Run(directory, None, id=1, timestamps=True).log_metrics


def typed_log(directory):
    import typedxp

    class Step:
        epoch: int
        loss: float
        accuracy: float
        seconds: float

    class Metrics(typedxp.Metrics):
        train: typedxp.Stream[Step]

    return typedxp.Run(directory, None, id=1, metrics=Metrics, timestamps=True).log_metrics


def bare_log(directory):
    import orjson

    file = os.open(f"{directory}/train.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return lambda record: os.write(file, orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))


def mlxp_log(directory):
    from mlxp.logger import DefaultLogger

    logger = DefaultLogger(directory, 1)
    return lambda record: logger.log_metrics(record, "train")


LOGS = {"typedxp": typedxp_log, "typed": typed_log, "bare": bare_log, "mlxp": mlxp_log}

with tempfile.TemporaryDirectory() as directory:
    log = LOGS[sys.argv[1]](directory)
    for epoch in range(int(sys.argv[2])):
        log({"epoch": epoch, "loss": 1 / (1 + epoch), "accuracy": 0.5, "seconds": 1.5 * epoch})
