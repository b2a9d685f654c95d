"""The TrainingRun resource: its models, and all that is generated from them.

Belongs here: the fields, defaults, rules and words of the API, the reading of a document into them,
and the generation of the CRD and the reference. Does not belong here: what follows from a field
(that is decided in the operator), and any I/O save :mod:`generate`, which writes files.

The models are the one source. The CRD carries the same bounds, defaults and cross-field rules, so
that the API server and `trainingrun local` refuse the same documents with the same words; webhooks
were refused because an operator that is down would then block the cluster.
"""
