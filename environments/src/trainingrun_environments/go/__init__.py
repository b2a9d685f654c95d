"""The game of Go, nine by nine points, by area, with 7.5 points for White."""
