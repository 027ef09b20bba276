"""Brokers of Kafka on 127.0.0.1, and what was stored there.

    with Kafka() as kafka:
        ... the product sends to kafka.brokers, kafka.topic ...
        kafka.wait(1)
        assert kafka.messages[0].key == "1001"
        kafka.tell("down")
"""

import queue
import subprocess
import threading
from dataclasses import dataclass

from harness import process
from harness.server import build_dir
from harness.webhook import read_event


def there_are_brokers():
    """Was the stand-in built?"""
    return (build_dir() / "kafka_standin").exists()


@dataclass
class Message:
    """One message as it is stored."""

    partition: int
    offset: int
    key: str
    headers: dict
    value: str

    @property
    def event(self):
        """The event in it, which is as the schema says."""
        return read_event(self.value)


class Kafka:
    """kafka_standin, and what it says."""

    topic = "mikbill.events"

    def __init__(self):
        self.messages = []
        self.brokers = None
        self._answers = queue.Queue()
        self._process = None
        self._reader = None

    def __enter__(self):
        self._process = process.spawn(
            [build_dir() / "kafka_standin", self.topic], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        word, self.brokers = self._process.stdout.readline().split()
        assert word == "brokers"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        process.end(self._process, 10)
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            if line == "obeyed\n":
                self._answers.put(line)
                continue
            partition, offset, key, headers, value = line[:-1].split("\t")
            self.messages.append(Message(
                int(partition), int(offset), key,
                dict(one.split("=", 1) for one in headers.split(" ")), value))

    def tell(self, order):
        """An order: "down", "up", "fail 3 7"; returns when it is carried
        out."""
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        self._answers.get(timeout=10)

    def wait(self, n, timeout=20):
        """Wait until n messages were stored; return them all."""
        try:
            process.wait_until(lambda: len(self.messages) >= n, timeout, "")
        except TimeoutError:
            raise TimeoutError(f"{len(self.messages)} of {n} messages were"
                               f" stored within {timeout} s") from None
        return self.messages

    def taken(self, uid=None):
        """Numbers of the events stored, of one subscriber or all, in order
        within a partition."""
        return [m.event["id"] for m in list(self.messages)
                if uid in (None, m.event["uid"])]
