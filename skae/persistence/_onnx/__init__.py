"""From what torch is seen to compute to nodes of an ONNX graph.

These modules import onnx; whoever imports them has made sure that it is there.
"""
