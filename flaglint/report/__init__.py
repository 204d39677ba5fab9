"""Renderers: findings and the ledger to text or bytes, one module per format.

Each is a pure function of the `Report` (and, where it quotes source, of a `SourceLine`
function handed in). They decide nothing: no filtering, no levels, no exit codes. Order in is
order out.
"""
