"""Writes the golden samples of the protocol that is spoken now: `python -m tests.wire.golden_samples`."""

import json
from pathlib import Path

from core.protocol import codec
from tests.wire.shapes import golden_messages

FILE = Path(__file__).parent / "golden" / f"protocol-{codec.PROTOCOL}.json"

if __name__ == "__main__":
    samples = {name: json.loads(wire) for name, wire in golden_messages().items()}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(samples, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
