"""An engine for TrainingRun with the standard library alone: Domineering on 5 x 5 squares. Seat 1
lays dominoes upright, seat 2 across; who can lay none loses. Start: python engine.py 17171
"""

import base64
import json
import random
import socketserver
import sys
from itertools import chain, pairwise

SIZE, SLOTS = 5, 32
active: set = set()  # the connections whose games run


def moves(board, seat):
    """Return the first square (row * SIZE + column) of each domino that the seat may lay."""
    down, right = (1, 0) if seat == 1 else (0, 1)
    squares = [(row, column) for row in range(SIZE - down) for column in range(SIZE - right)]
    return [SIZE * r + c for r, c in squares if not board[r][c] and not board[r + down][c + right]]


class Connection(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\n".encode())

    def handle(self):
        is_open = True
        while is_open and (words := self.rfile.readline(65536).decode("utf-8", "replace").split()):
            if words[0] == "NEWGAME" and len(words) > 2:
                is_open = self.play(words[3:]) and "-k" in words
            elif words == ["STATUS"]:
                self.say(f"FORGE DAEMON STATUS\nActive games: {len(active)}\nQueued games: 0")
                self.say(f"Max concurrent: {SLOTS}")
            else:
                self.say("ERROR: say STATUS or NEWGAME <scenario> <scenario> [flags]")
                is_open = False

    def play(self, flags):
        """Play one game; false where it was cut short."""
        board, seat, number, values = [[0] * SIZE for _ in range(SIZE)], 1, 0, dict(pairwise(flags))
        own_seats = {int(values.get("-a", 0))} if "-i" in flags else {1, 2}
        chance = random.Random(values.get("-s"))
        active.add(self)
        try:
            self.connection.settimeout(float(values.get("-c", 120)))
            while legal := moves(board, seat):
                number += 1
                square = (
                    chance.choice(legal) if seat in own_seats else self.ask(board, seat, number)
                )
                row, column = divmod(square, SIZE)
                board[row][column] = board[row + (seat == 1)][column + (seat == 2)] = 1
                seat = 3 - seat
            self.say(f"GAME_RESULT: Agent({3 - seat})-domineering won in 0ms")
            self.connection.settimeout(None)
            return True
        except TimeoutError:
            self.say("GAME_TIMEOUT: no answer came in time")
        except OSError:
            pass  # the client has left
        finally:
            active.discard(self)
        return False

    def ask(self, board, seat, number):
        """Send one decision and return the choice; what cannot be read is the first legal one."""
        planes = bytes(chain(*board)) + bytes([seat - 1] * SIZE * SIZE)  # taken squares; whose turn
        data = base64.b64encode(planes).decode()
        decision = {"decision_type": "choose_action", "decision_id": number, "seat": seat}
        decision["observation"] = {"shape": [2, SIZE, SIZE], "dtype": "uint8", "data": data}
        decision["actions"] = [{"index": each} for each in moves(board, seat)]
        decision["message"] = "\n".join("".join(".#"[square] for square in row) for row in board)
        self.say(f"DECISION: {json.dumps(decision)}")
        if not (line := self.rfile.readline(65536)):
            raise ConnectionError
        legal = {str(each).encode(): each for each in moves(board, seat)}
        return legal.get(line.strip(), min(legal.values()))


if __name__ == "__main__":
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("", int(sys.argv[1])), Connection).serve_forever()
