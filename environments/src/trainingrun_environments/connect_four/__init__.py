"""Connect Four: seven columns, six rows; four stones of one player in a line win."""
