"""Every Redis key of a run, in one place.

A key's first part says who writes it, because Redis gives rights by patterns of keys: a new key
goes into the area of the roles that write it, and into no wider one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

GROUP = "learner"
PAYLOAD_FIELD = b"s"
TRANSITIONS_FIELD = b"n"
ENTRY_STEPS = 64
"""Steps, and so transitions, of one entry at most: the longest segment. Here and not beside the
segment, because who only counts entries needs no numpy."""

ENTRY_BYTES = 4 * 1024 * 1024
"""Payload of one entry at most."""


class Area(Enum):
    """Keys of a run that have the same writers; the value is the second part of their names."""

    STREAM = ""
    """The queue itself, ``roll:RUN``: actors append, the learner reads and deletes."""
    QUEUE = "queue"
    """What is counted of the queue: actors and learner."""
    PLAYERS = "players"
    """Games, slots and reports: actors and evaluator."""
    WEIGHTS = "weights"
    """What players read of the learner."""
    LEARNER = "learner"
    """The learner's own accounts."""
    EVALUATOR = "evaluator"
    """Results of evaluations."""
    OPERATOR = "operator"
    """What the roles are asked to do."""
    ROLES = "roles"
    """Every role, but not the operator."""


@dataclass(frozen=True)
class Keys:
    """The names of one run's keys; ``run_id`` never changes during its life.

    With several learner ranks the queue has as many shards, each with a stream, a depth and
    accounts of its own; ``shard(n)`` has the names of one, and everything else is common to all.
    """

    run_id: str
    shards: int = 1
    index: int | None = None

    def patterns(self, area: Area) -> tuple[str, ...]:
        """Globs that fit all keys of an area, of every shard, and no key of another run."""
        if area is Area.STREAM:
            return (f"roll:{self.run_id}", f"roll:{self.run_id}:*")
        return (f"tr:{self.run_id}:{area.value}:*",)

    @property
    def all_shards(self) -> tuple[Keys, ...]:
        """The keys of every shard; these themselves when there is one."""
        return tuple(self.shard(number) for number in range(self.shards))

    def shard(self, number: int) -> Keys:
        """Return the keys of one shard: of the learner's rank of this number."""
        if not 0 <= number < self.shards:
            raise ValueError(f"shard {number} of {self.shards}")
        return self if self.shards == 1 else Keys(self.run_id, self.shards, number)

    @property
    def _of_shard(self) -> str:
        if self.shards == 1:
            return ""
        if self.index is None:
            raise ValueError(f"the queue has {self.shards} shards: name one")
        return f":{self.index}"

    @property
    def rollouts(self) -> str:
        """Stream of segments."""
        return f"roll:{self.run_id}{self._of_shard}"

    @property
    def dead_letters(self) -> str:
        """Stream of entries that did not decode."""
        return f"tr:{self.run_id}:learner:dead"

    @property
    def depth(self) -> str:
        """Integer: transitions in the stream, delivered or not."""
        return f"tr:{self.run_id}:queue:depth{self._of_shard}"

    @property
    def produced(self) -> str:
        """Hash: actor -> transitions it has made up to its last appended segment (absolute)."""
        return f"tr:{self.run_id}:queue:produced{self._of_shard}"

    @property
    def appended(self) -> str:
        """Hash: actor -> sequence number of its last appended segment."""
        return f"tr:{self.run_id}:queue:appended{self._of_shard}"

    @property
    def accounts(self) -> str:
        """Hash: the learner's totals (trained, dropped by cause, lost), absolute; and as
        ``folded`` what actors have produced that are gone and have no field in ``produced``."""
        return f"tr:{self.run_id}:learner:accounts{self._of_shard}"

    @property
    def marks(self) -> str:
        """Hash: actor -> how far the learner has accounted for its segments."""
        return f"tr:{self.run_id}:learner:marks{self._of_shard}"

    @property
    def epoch(self) -> str:
        """Integer: counts learner starts; an older learner is a zombie."""
        return f"tr:{self.run_id}:learner:epoch"

    @property
    def weights(self) -> str:
        """Hash: pointer to the newest weights."""
        return f"tr:{self.run_id}:weights:newest"

    @property
    def snapshots(self) -> str:
        """Sorted set: sha256 of past weights by version."""
        return f"tr:{self.run_id}:weights:snapshots"

    def blob(self, sha256: str) -> str:
        """String: safetensors bytes."""
        return f"tr:{self.run_id}:weights:blob:{sha256}"

    @property
    def league_pool(self) -> str:
        """Sorted set: sha256 of the league's models that are opponents, by a number from it."""
        return f"tr:{self.run_id}:weights:league"

    def league_blob(self, sha256: str) -> str:
        """String: safetensors bytes of one; apart from ``blob``, whose lifetimes are others."""
        return f"tr:{self.run_id}:weights:league:{sha256}"

    @property
    def daemons(self) -> str:
        """Hash: endpoint -> capacity and drain flag."""
        return f"tr:{self.run_id}:operator:daemons"

    @property
    def leases(self) -> str:
        """Prefix of the sorted sets (lease -> expiry), one per endpoint."""
        return f"tr:{self.run_id}:players:leases:"

    @property
    def games(self) -> str:
        """Hash: counters of training games by outcome; ``started`` is the highest number given."""
        return f"tr:{self.run_id}:players:games"

    @property
    def open_games(self) -> str:
        """Sorted set: numbers of training games that are being played, by when each is given to
        another actor unless it is renewed (Unix seconds; 0: at once)."""
        return f"tr:{self.run_id}:players:open-games"

    @property
    def begun(self) -> str:
        """Hash: number of a phase -> how its first game began it (``curriculum.BegunPhase``)."""
        return f"tr:{self.run_id}:players:begun"

    @property
    def reports(self) -> str:
        """Hash: role/member -> latest report of an actor or evaluator."""
        return f"tr:{self.run_id}:players:reports"

    @property
    def learner_reports(self) -> str:
        """Hash: role/member -> latest report of the learner."""
        return f"tr:{self.run_id}:learner:reports"

    @property
    def evaluations(self) -> str:
        """List: evaluation results, newest last."""
        return f"tr:{self.run_id}:evaluator:evaluations"

    @property
    def champion(self) -> str:
        """Hash: the strongest weights so far (field ``weights``), and which they are."""
        return f"tr:{self.run_id}:evaluator:champion"

    @property
    def notices(self) -> str:
        """List: messages of roles to the person who runs them, newest last."""
        return f"tr:{self.run_id}:roles:notices"

    @property
    def inference_reports(self) -> str:
        """Hash: member -> latest report of an inference server, with its address."""
        return f"tr:{self.run_id}:roles:inference"

    @property
    def inference_token(self) -> str:
        """String: the token that inference servers ask of their clients; who may read it may
        ask."""
        return f"tr:{self.run_id}:roles:inference-token"

    @property
    def intent(self) -> str:
        """String: what the run as a whole should do now."""
        return f"tr:{self.run_id}:operator:intent"

    @property
    def target(self) -> str:
        """Integer: training games after which actors start none. Overrides the run
        configuration's, so that the goal can change while the run runs."""
        return f"tr:{self.run_id}:operator:target"

    @property
    def phase(self) -> str:
        """String: the phase of the curriculum (``curriculum.CurrentPhase``); actors play by it."""
        return f"tr:{self.run_id}:operator:phase"

    @property
    def checkpoint_request(self) -> str:
        """String: a request for a checkpoint; the learner saves soon after it has changed."""
        return f"tr:{self.run_id}:operator:checkpoint-request"

    @property
    def intent_since(self) -> str:
        """String: when the intent last changed (Unix seconds), for the operator's deadlines."""
        return f"tr:{self.run_id}:operator:intent-since"
