"""Visibility: what covers a sample, what is nearer, and no cracks between neighbours."""

from __future__ import annotations

import numpy as np

from pipeline.simulate.rasteriser import F32, HAIR, I32, SKIN, VEIL, rasterise, vertex_normals

SQUARE = np.array([[4, 4], [28, 4], [28, 28], [4, 28]], dtype=np.float32)


def draw(screen: F32, depth: list[float], triangles: list[list[int]], part: list[int]) -> I32:
    zbuffer, owner = np.empty((32, 32), np.float32), np.empty((32, 32), np.int32)
    rasterise(
        *(screen, np.array(depth, np.float32), np.array(triangles, np.int32)),
        *(np.array(part, np.int32), zbuffer, owner),
    )
    return owner


def test_two_triangles_fill_their_square_without_cracks() -> None:
    owner = draw(SQUARE, [1, 1, 1, 1], [[0, 3, 2], [0, 2, 1]], [SKIN, SKIN])
    assert (owner[4:28, 4:28] >= 0).all()
    assert (owner >= 0).sum() == 24 * 24


def test_faces_turned_away_are_hidden_but_hair_is_not() -> None:
    away = [[0, 1, 2]]
    assert (draw(SQUARE, [1, 1, 1, 1], away, [SKIN]) == -1).all()
    assert (draw(SQUARE, [1, 1, 1, 1], away, [HAIR]) == 0).sum() > 200


def test_nearer_triangle_wins_whatever_the_order() -> None:
    screen = np.concatenate([SQUARE, SQUARE])
    depth = [1.0] * 4 + [2.0] * 4
    for order in ([[0, 3, 2], [4, 7, 6]], [[4, 7, 6], [0, 3, 2]]):
        owner = draw(screen, depth, order, [SKIN, SKIN])
        assert set(np.unique(owner)) == {-1, order.index([4, 7, 6])}


def test_veil_covers_half_of_the_samples() -> None:
    owner = draw(SQUARE, [1, 1, 1, 1], [[0, 3, 2], [0, 2, 1]], [VEIL, VEIL])
    assert (owner >= 0).sum() == 24 * 24 / 2


def test_normals_of_a_sphere_point_outwards() -> None:
    lat, lon = np.meshgrid(np.linspace(0.2, 2.9, 30), np.linspace(0, 6.1, 40), indexing="ij")
    points = np.stack([np.sin(lat) * np.sin(lon), np.cos(lat), np.sin(lat) * np.cos(lon)], axis=-1)
    flat = points.reshape(-1, 3).astype(np.float32)
    corner = (np.arange(29)[:, None] * 40 + np.arange(39)).ravel()
    quads = np.stack([corner, corner + 40, corner + 41, corner + 1], axis=1)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    normals = np.empty_like(flat)
    vertex_normals(flat, triangles, normals)
    assert (normals * flat).sum(axis=1).min() > 0.98
