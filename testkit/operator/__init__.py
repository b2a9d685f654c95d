"""The operator as a process, and runs that play themselves around its control loop."""
