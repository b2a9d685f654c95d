"""The control loop: observes, asks ``desired`` what to do, and has a backend do it."""
