"""A z-buffer rasteriser in numba: visibility at four samples a pixel, shading once per triangle and pixel.

Linear light throughout; parts differ only in where their albedo comes from. Single-threaded on
purpose: a corpus is parallel over clips, and one order of additions keeps pixels reproducible.
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

#: Samples a pixel has along each axis.
SAMPLES: Final = 2

# Where the albedo of a part comes from. The order is the order of the values in `Mesh.part`.
SKIN, EYE, PLAIN, HAIR, VEIL = 0, 1, 2, 3, 4

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

_jit = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


@_jit
def vertex_normals(points: F32, triangles: I32, normals: F32) -> None:
    """Area-weighted unit normals [V, 3] of `points` [V, 3], written to `normals`."""
    normals[:] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for k in range(normals.shape[0]):
        length = math.sqrt(normals[k, 0] ** 2 + normals[k, 1] ** 2 + normals[k, 2] ** 2) + 1e-12
        normals[k, 0] /= length
        normals[k, 1] /= length
        normals[k, 2] /= length


@_jit
def rasterise(screen: F32, depth: F32, triangles: I32, part: I32, zbuffer: F32, owner: I32) -> None:
    """Nearest triangle at every sample.

    `screen` float32 [V, 2] in samples, `depth` float32 [V] larger is nearer; `zbuffer` and `owner`
    [H, W] are overwritten, `owner` with the triangle's number or -1. Faces turned away are skipped,
    except of hair and veils (seen from both sides); a veil covers every other sample only.
    """
    height, width = zbuffer.shape
    zbuffer[:] = -1e30
    owner[:] = -1
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        kind = part[t]
        if area >= 0.0:
            if kind < HAIR or area < 1e-9:
                continue
            b, c = c, b
            bx, by, cx, cy = cx, cy, bx, by
            area = -area
        if area > -1e-9:
            continue
        x0 = max(0, math.ceil(min(ax, bx, cx) - 0.5))
        x1 = min(width - 1, math.floor(max(ax, bx, cx) - 0.5))
        y0 = max(0, math.ceil(min(ay, by, cy) - 0.5))
        y1 = min(height - 1, math.floor(max(ay, by, cy) - 0.5))
        if x0 > x1 or y0 > y1:
            continue
        scale = 1.0 / area
        za, zb, zc = depth[a], depth[b], depth[c]
        # Weights of a and b as planes over the screen; c has the rest.
        wax, way = (by - cy) * scale, (cx - bx) * scale
        wbx, wby = (cy - ay) * scale, (ax - cx) * scale
        # scale has the sign of the area, so that weights are positive inside
        wax, way, wbx, wby = -wax, -way, -wbx, -wby
        for y in range(y0, y1 + 1):
            dy = y + 0.5 - cy
            wa = -(wax * (x0 + 0.5 - cx) + way * dy)
            wb = -(wbx * (x0 + 0.5 - cx) + wby * dy)
            for x in range(x0, x1 + 1):
                wc = 1.0 - wa - wb
                if wa >= -1e-6 and wb >= -1e-6 and wc >= -1e-6:
                    z = wa * za + wb * zb + wc * zc
                    if z > zbuffer[y, x] and not (kind == VEIL and ((x + y) & 1)):
                        zbuffer[y, x] = z
                        owner[y, x] = t
                wa -= wax
                wb -= wbx


@_jit
def light_vertices(
    points: F32,
    normals: F32,
    occlusion: F32,
    shadow: F32,
    gloss: F32,
    lights: F32,
    eye: F32,
    diffuse: F32,
    shine: F32,
) -> None:
    """Irradiance [V, 3] and highlight [V] at every vertex.

    `lights` [5, 8]: key, fill, rim as direction (3), colour (3), red wrap, unused; then sky and ground, their
    colours in the first three. `occlusion` and `shadow` [V] in [0, 1], `gloss` [V] the skin's
    oil; `eye` [3] the camera. Wrapped Lambert, wider in red, stands in for light under the skin.
    """
    for v in range(points.shape[0]):
        nx, ny, nz = normals[v, 0], normals[v, 1], normals[v, 2]
        ex, ey, ez = eye[0] - points[v, 0], eye[1] - points[v, 1], eye[2] - points[v, 2]
        length = 1.0 / math.sqrt(ex * ex + ey * ey + ez * ez)
        ex, ey, ez = ex * length, ey * length, ez * length
        up = 0.5 + 0.5 * ny
        open_sky = occlusion[v]
        red = (lights[3, 0] * up + lights[4, 0] * (1.0 - up)) * (0.18 + 0.82 * open_sky)
        green = (lights[3, 1] * up + lights[4, 1] * (1.0 - up)) * (0.12 + 0.88 * open_sky)
        blue = (lights[3, 2] * up + lights[4, 2] * (1.0 - up)) * (0.08 + 0.92 * open_sky)
        glint = 0.0
        for k in range(3):
            lx, ly, lz = lights[k, 0], lights[k, 1], lights[k, 2]
            facing = nx * lx + ny * ly + nz * lz
            seen = shadow[v] if k == 0 else 0.35 + 0.65 * open_sky
            wrap = lights[k, 6]
            soft = max(0.0, (facing + wrap) / (1.0 + wrap))
            hard = max(0.0, (facing + 0.4 * wrap) / (1.0 + 0.4 * wrap))
            red += lights[k, 3] * soft * (0.07 + 0.93 * seen)
            green += lights[k, 4] * hard * (0.04 + 0.96 * seen)
            blue += lights[k, 5] * hard * (0.02 + 0.98 * seen)
            hx, hy, hz = lx + ex, ly + ey, lz + ez
            h = max(0.0, (nx * hx + ny * hy + nz * hz) / (math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9))
            grazing = 1.0 - max(0.0, ex * nx + ey * ny + ez * nz)
            fresnel = 0.35 + 1.6 * grazing**4
            power = lights[k, 3] + lights[k, 4] + lights[k, 5]
            if facing > 0.0:
                h4 = h**8
                glint += power * seen * fresnel * (0.05 * h4 * h4 + 0.10 * h4 * h4 * h4 * h4 * h4)
        diffuse[v, 0] = red
        diffuse[v, 1] = green
        diffuse[v, 2] = blue
        shine[v] = glint * gloss[v] * open_sky


@_jit
def _texel(texture: F32, u: float, v: float) -> tuple[float, float, float]:
    height, width = texture.shape[0], texture.shape[1]
    x = (u - math.floor(u)) * width - 0.5
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    xf = math.floor(x)
    x0 = int(xf) % width
    x1 = (x0 + 1) % width
    y0 = int(y)
    fx, fy = x - xf, y - y0
    w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    y1 = y0 + 1
    return (
        texture[y0, x0, 0] * w00
        + texture[y0, x1, 0] * w01
        + texture[y1, x0, 0] * w10
        + texture[y1, x1, 0] * w11,
        texture[y0, x0, 1] * w00
        + texture[y0, x1, 1] * w01
        + texture[y1, x0, 1] * w10
        + texture[y1, x1, 1] * w11,
        texture[y0, x0, 2] * w00
        + texture[y0, x1, 2] * w01
        + texture[y1, x0, 2] * w10
        + texture[y1, x1, 2] * w11,
    )


@_jit
def _eyeball(dx: float, dy: float, dz: float, iris: F32) -> tuple[float, float, float]:
    """Albedo of the eye in direction d of its own frame; `iris`: colour (3), iris and pupil radius."""
    off = math.sqrt(dx * dx + dy * dy)
    if dz <= 0.0 or off > iris[3] * 1.08:
        vein = 1.0 - 0.35 * min(1.0, max(0.0, (off - 0.45) / 0.5))
        return 0.66 * (0.8 + 0.2 * vein), 0.60 * vein, 0.57 * vein
    angle = math.atan2(dy, dx)
    fibre = 0.82 + 0.18 * math.sin(angle * 23.0 + 5.0 * off) * math.sin(angle * 7.0 + 1.3)
    ring = (off - iris[4]) / max(iris[3] - iris[4], 1e-3)
    limbus = 1.0 - 0.75 * min(1.0, max(0.0, (ring - 0.7) / 0.3))
    pupil = min(1.0, max(0.0, (off - iris[4] * 0.85) / (iris[4] * 0.3)))
    edge = min(1.0, max(0.0, (off - iris[3] * 0.94) / (iris[3] * 0.14)))
    k = fibre * limbus * pupil
    red, green, blue = iris[0] * k + 0.004, iris[1] * k + 0.004, iris[2] * k + 0.004
    return red + edge * (0.60 - red), green + edge * (0.54 - green), blue + edge * (0.52 - blue)


@_jit
def shade(  # noqa: PLR0912, PLR0915 (one kernel: calls would copy its state for every pixel)
    screen: F32,
    triangles: I32,
    part: I32,
    corner_uv: F32,
    skin: F32,
    strands: F32,
    colour: F32,
    diffuse: F32,
    shine: F32,
    normals: F32,
    eye_frame: F32,
    iris: F32,
    glints: F32,
    owner: I32,
    background: F32,
    image: F32,
) -> None:
    """Colour every pixel of `image` [H, W, 3] (linear light) from the samples in `owner` [2H, 2W].

    `corner_uv` [T, 3, 2] addresses the albedo `skin` and the gloss of `strands`; `colour` [V, 3]
    is the albedo of plain parts; `eye_frame` [V, 3] the direction of eyeball vertices in the eye's own
    frame; `glints` [2, 4] half vectors and strengths of the catch lights.
    """
    height, width = image.shape[0], image.shape[1]
    ids = np.empty(SAMPLES * SAMPLES, dtype=np.int32)
    for y in range(height):
        for x in range(width):
            for k in range(SAMPLES * SAMPLES):
                ids[k] = owner[y * SAMPLES + k // SAMPLES, x * SAMPLES + k % SAMPLES]
            red = green = blue = 0.0
            for k in range(SAMPLES * SAMPLES):
                t = ids[k]
                if t == -2:
                    continue
                count = 0
                sx = sy = 0.0
                for j in range(k, SAMPLES * SAMPLES):
                    if ids[j] == t:
                        ids[j] = -2
                        count += 1
                        sx += x * SAMPLES + j % SAMPLES + 0.5
                        sy += y * SAMPLES + j // SAMPLES + 0.5
                share = count / (SAMPLES * SAMPLES)
                if t == -1:
                    red += share * background[y, x, 0]
                    green += share * background[y, x, 1]
                    blue += share * background[y, x, 2]
                    continue
                sx /= count
                sy /= count
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                ax, ay = screen[a, 0], screen[a, 1]
                bx, by = screen[b, 0], screen[b, 1]
                cx, cy = screen[c, 0], screen[c, 1]
                area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
                wa = ((by - cy) * (sx - cx) + (cx - bx) * (sy - cy)) / area
                wb = ((cy - ay) * (sx - cx) + (ax - cx) * (sy - cy)) / area
                wc = 1.0 - wa - wb
                kind = part[t]
                dr = wa * diffuse[a, 0] + wb * diffuse[b, 0] + wc * diffuse[c, 0]
                dg = wa * diffuse[a, 1] + wb * diffuse[b, 1] + wc * diffuse[c, 1]
                db = wa * diffuse[a, 2] + wb * diffuse[b, 2] + wc * diffuse[c, 2]
                glint = wa * shine[a] + wb * shine[b] + wc * shine[c]
                if kind in (SKIN, HAIR):
                    u = wa * corner_uv[t, 0, 0] + wb * corner_uv[t, 1, 0] + wc * corner_uv[t, 2, 0]
                    v = wa * corner_uv[t, 0, 1] + wb * corner_uv[t, 1, 1] + wc * corner_uv[t, 2, 1]
                    r, g, bl = _texel(skin, u, v)
                    if kind == HAIR:
                        glint *= 0.3 * _texel(strands, u, v)[0] * (0.06 + r)
                elif kind == EYE:
                    dx = wa * eye_frame[a, 0] + wb * eye_frame[b, 0] + wc * eye_frame[c, 0]
                    dy = wa * eye_frame[a, 1] + wb * eye_frame[b, 1] + wc * eye_frame[c, 1]
                    dz = wa * eye_frame[a, 2] + wb * eye_frame[b, 2] + wc * eye_frame[c, 2]
                    length = 1.0 / (math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9)
                    r, g, bl = _eyeball(dx * length, dy * length, dz * length, iris)
                    nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
                    ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
                    nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
                    length = 1.0 / (math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9)
                    for j in range(glints.shape[0]):
                        h = max(0.0, (nx * glints[j, 0] + ny * glints[j, 1] + nz * glints[j, 2]) * length)
                        glint += glints[j, 3] * h**90
                else:
                    r = wa * colour[a, 0] + wb * colour[b, 0] + wc * colour[c, 0]
                    g = wa * colour[a, 1] + wb * colour[b, 1] + wc * colour[c, 1]
                    bl = wa * colour[a, 2] + wb * colour[b, 2] + wc * colour[c, 2]
                red += share * (r * dr + glint)
                green += share * (g * dg + glint)
                blue += share * (bl * db + glint)
            image[y, x, 0] = red
            image[y, x, 1] = green
            image[y, x, 2] = blue
