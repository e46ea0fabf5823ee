# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/export_grammar_goldens.py."""
