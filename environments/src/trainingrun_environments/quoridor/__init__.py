"""Quoridor for two: nine by nine squares, ten walls each; who reaches the other side first wins."""
