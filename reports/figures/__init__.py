"""Figures as inline SVG: drawn by matplotlib, made safe for a strict CSP, coloured by the page."""
