"""The control loop: observes, asks ``desired`` what to do, and has a backend do it.

Belongs here: the order of input and output around one decision, the keyed work queue, reading a
run's Redis. Does not belong here: any decision about a run (``desired``), any knowledge of
clusters or processes (``backends``), watching (the hosts call in).

How the handlers and the local runtime use it::

    settings = Settings(images=Images(...))                    # trainingrun_reconciler.settings
    store: RunStore = ...                                      # backends.store: the Protocol
    backend: Backend = ...                                     # kubernetes, local or memory
    reconciler = Reconciler(store, backend, settings)          # controller.loop
    queue = ReconcileQueue(reconciler.reconcile)               # controller.queue
    task = asyncio.create_task(queue.run())                    # until cancelled
    queue.add(ResourceKey("default", "quickstart"))            # something changed: never blocks

``ResourceKey`` (namespace, name, kind), ``RunStore`` and ``RunEvent`` live below this layer
(``backends.store`` and ``desired.events``), so that backends can implement them:

- ``RunStore.get(key)`` gives the ``api`` TrainingRun with its status, or None when it is
  gone; ``write_status(run, status)`` stores it if it differs (and may delay mere counters);
  ``emit(run, event)`` reports it to people; ``delete(run)`` ends a run whose time to live is over.
- ``await reconciler.reconcile(key)`` reconciles one run once and returns the seconds until the
  next, or None. A backend or a Redis that refuses is a condition and a retry; it
  raises ``ReconcileError`` only when the store or the backend cannot be asked at all.
- ``reconciler.view(key)`` is the latest ``RunView`` (run, observed, status) for live tables; it is
  read-only and may be None.
- ``reconciler.forget(key)`` drops what is remembered of a run that is gone; ``await
  reconciler.close()`` closes the Redis clients.
- ``queue.add(key, after=0.0, urgent=False)`` coalesces; one key is never worked on twice at the
  same time; urgent is what people wait for, and has workers of its own;
  failures back off 1 s to 300 s with jitter, and bugs are logged and stay with their run;
  ``queue.stuck_seconds()`` serves /livez.

A run is stopped without loss by ``spec.suspend`` (the local runtime sets it in its store on
Ctrl-C and waits for the condition Suspended): drain, flush, checkpoint, then members go.
"""
