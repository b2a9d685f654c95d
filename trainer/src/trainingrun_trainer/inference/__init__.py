"""The inference server: it answers searches of many processes in batches, on one device.

Belongs here: the process ``trainingrun-inference``, its network, batches, cache and connections.
Not here: the frames (``contracts.inference_frames``), the client (the actor's), and the training
network, whose published tensors are all that this needs of it.
"""
