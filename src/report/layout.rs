//! Places for the nodes of a small graph without cycles, in layers from left to right.
//!
//! The steps are those of Sugiyama, Tagawa and Toda (1981): layers, order within a layer, places.

/// Between two layers, and between two nodes of a layer.
const LAYER_GAP: f64 = 34.0;
const NODE_GAP: f64 = 14.0;
/// Rounds of ordering and of placing. Cells have some tens of nodes.
const ORDERINGS: usize = 12;
const PLACINGS: usize = 24;

type Point = (f64, f64);

/// Where everything is.
#[derive(Debug)]
pub(super) struct Layout {
    /// The middle of each node.
    pub(super) nodes: Vec<Point>,
    /// What each edge goes through: pairs of points, of which the first two of neighbouring pairs
    /// are joined by a curve, and both points of a pair by a line.
    pub(super) edges: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A node, or the place where an edge passes through a layer.
struct Place {
    size: Point,
    layer: usize,
    before: Vec<usize>,
    after: Vec<usize>,
    y: f64,
}

/// Lays out nodes of these sizes. Each edge goes from a node to one of a larger number. `late` says
/// which nodes stand directly before what they lead to.
pub(super) fn layout(sizes: &[Point], late: &[bool], edges: &[(usize, usize)]) -> Layout {
    let layers = layers(late, edges);
    let place = |size, layer| Place { size, layer, before: Vec::new(), after: Vec::new(), y: 0.0 };
    let mut places: Vec<Place> =
        sizes.iter().zip(&layers).map(|(size, layer)| place(*size, *layer)).collect();
    // Each edge as the places that it goes through, in all layers between.
    let mut routes = Vec::new();
    for &(from, to) in edges {
        let mut route = vec![from];
        for layer in layers[from] + 1..layers[to] {
            places.push(place((0.0, 0.0), layer));
            route.push(places.len() - 1);
        }
        route.push(to);
        for pair in route.windows(2) {
            places[pair[0]].after.push(pair[1]);
            places[pair[1]].before.push(pair[0]);
        }
        routes.push(route);
    }
    let count = places.iter().map(|p| p.layer + 1).max().unwrap_or(0);
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); count];
    (0..places.len()).for_each(|p| order[places[p].layer].push(p));
    let order = fewest_crossings(&places, order);
    set_heights(&mut places, &order);

    // Columns are as wide as their widest node.
    let mut left = 0.0;
    let mut columns = Vec::new();
    for layer in &order {
        let width = layer.iter().map(|p| places[*p].size.0).fold(0.0, f64::max);
        columns.push((left, left + width));
        left += width + LAYER_GAP;
    }
    let edge_of = |f: fn(f64, f64) -> f64, sign: f64| {
        let ends = places.iter().map(|p| p.y + sign * p.size.1 / 2.0);
        ends.reduce(f).unwrap_or(0.0)
    };
    let (top, bottom) = (edge_of(f64::min, -1.0), edge_of(f64::max, 1.0));
    let middle = |p: &Place| {
        let (left, right) = columns[p.layer];
        ((left + right) / 2.0, p.y - top)
    };
    let through = |(i, p): (usize, usize)| {
        let (x, y) = middle(&places[p]);
        let (left, right) = columns[places[p].layer];
        // A node is entered and left at its sides, a layer in between at its own.
        match i {
            _ if p >= sizes.len() => [(left, y), (right, y)],
            0 => [(x, y), (x + places[p].size.0 / 2.0, y)],
            _ => [(x - places[p].size.0 / 2.0, y), (x, y)],
        }
    };
    Layout {
        nodes: places[..sizes.len()].iter().map(middle).collect(),
        edges: routes
            .iter()
            .map(|route| route.iter().copied().enumerate().flat_map(through).collect())
            .collect(),
        width: (left - LAYER_GAP).max(0.0),
        height: bottom - top,
    }
}

/// The layer of each node: the one after the last that leads to it.
fn layers(late: &[bool], edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; late.len()];
    for node in 0..late.len() {
        let before = edges.iter().filter(|(_, to)| *to == node);
        layers[node] = before.map(|(from, _)| layers[*from] + 1).max().unwrap_or(0);
    }
    for node in (0..late.len()).rev().filter(|node| late[*node]) {
        let after = edges.iter().filter(|(from, _)| *from == node);
        layers[node] = after.map(|(_, to)| layers[*to] - 1).min().unwrap_or(layers[node]);
    }
    layers
}

/// The best order that repeated sorting by the mean place of neighbours comes across.
fn fewest_crossings(places: &[Place], mut order: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let mut best = (crossings(places, &order), order.clone());
    for sweep in 0..ORDERINGS {
        let forward = sweep % 2 == 0;
        let count = order.len();
        for step in 1..count {
            let layer = if forward { step } else { count - 1 - step };
            let beside = &order[if forward { layer - 1 } else { layer + 1 }];
            let mut at = vec![0.0; places.len()];
            beside.iter().enumerate().for_each(|(i, p)| at[*p] = i as f64);
            let mean = |p: &usize| {
                let all = if forward { &places[*p].before } else { &places[*p].after };
                let sum: f64 = all.iter().map(|n| at[*n]).sum();
                if all.is_empty() { 0.0 } else { sum / all.len() as f64 }
            };
            order[layer].sort_by(|a, b| mean(a).total_cmp(&mean(b)));
        }
        let found = crossings(places, &order);
        if found < best.0 {
            best = (found, order.clone());
        }
    }
    best.1
}

/// Pairs of lines between neighbouring layers that cross.
fn crossings(places: &[Place], order: &[Vec<usize>]) -> usize {
    let mut at = vec![0; places.len()];
    order.iter().for_each(|layer| layer.iter().enumerate().for_each(|(i, p)| at[*p] = i));
    let in_layer = |layer: &Vec<usize>| {
        let lines: Vec<(usize, usize)> =
            layer.iter().flat_map(|p| places[*p].after.iter().map(|n| (at[*p], at[*n]))).collect();
        let cross = |(i, a): (usize, &(usize, usize))| {
            lines[..i]
                .iter()
                .filter(|b| (a.0 < b.0) != (a.1 < b.1) && a.0 != b.0 && a.1 != b.1)
                .count()
        };
        lines.iter().enumerate().map(cross).sum::<usize>()
    };
    order.iter().map(in_layer).sum()
}

/// Sets every place's `y`: near the mean of its neighbours, in order, without overlaps.
fn set_heights(places: &mut [Place], order: &[Vec<usize>]) {
    for placing in 0..PLACINGS {
        // From left to right, back, and at last by both sides.
        let both = placing + 4 >= PLACINGS;
        let forward = placing % 2 == 0;
        let layers: Vec<&Vec<usize>> =
            if forward { order.iter().collect() } else { order.iter().rev().collect() };
        for layer in layers {
            let wanted = |p: &usize| {
                let place = &places[*p];
                let neighbours: Vec<usize> = match (both, forward) {
                    (true, _) => place.before.iter().chain(&place.after).copied().collect(),
                    (false, true) => place.before.clone(),
                    (false, false) => place.after.clone(),
                };
                let sum: f64 = neighbours.iter().map(|n| places[*n].y).sum();
                if neighbours.is_empty() { place.y } else { sum / neighbours.len() as f64 }
            };
            let wanted: Vec<f64> = layer.iter().map(wanted).collect();
            // How far below the first each must be at least.
            let mut offsets = vec![0.0];
            for pair in layer.windows(2) {
                let half = (places[pair[0]].size.1 + places[pair[1]].size.1) / 2.0;
                offsets.push(offsets[offsets.len() - 1] + half + NODE_GAP);
            }
            let free: Vec<f64> = wanted.iter().zip(&offsets).map(|(w, o)| w - o).collect();
            for ((p, y), offset) in layer.iter().zip(ascending(&free)).zip(&offsets) {
                places[*p].y = y + offset;
            }
        }
    }
}

/// The ascending numbers nearest to these, by the sum of squares (pool adjacent violators).
fn ascending(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for &value in values {
        pools.push((value, 1));
        while let [.., a, b] = pools[..]
            && a.0 > b.0
        {
            let count = a.1 + b.1;
            pools.truncate(pools.len() - 2);
            pools.push(((a.0 * a.1 as f64 + b.0 * b.1 as f64) / count as f64, count));
        }
    }
    pools.into_iter().flat_map(|(mean, count)| std::iter::repeat_n(mean, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes of one layer must not touch, nor may a line pass through one.
    fn check(sizes: &[Point], edges: &[(usize, usize)]) -> Layout {
        let found = layout(sizes, &vec![false; sizes.len()], edges);
        let inside = |p: usize, (x, y): Point| {
            let ((cx, cy), (w, h)) = (found.nodes[p], sizes[p]);
            (x - cx).abs() < w / 2.0 - 0.01 && (y - cy).abs() < h / 2.0 - 0.01
        };
        for (a, &(x, y)) in found.nodes.iter().enumerate() {
            assert!(x >= 0.0 && x <= found.width && y >= 0.0 && y <= found.height);
            for (b, &(xb, yb)) in found.nodes.iter().enumerate().take(a) {
                let apart = (x - xb).abs() >= (sizes[a].0 + sizes[b].0) / 2.0
                    || (y - yb).abs() >= (sizes[a].1 + sizes[b].1) / 2.0;
                assert!(apart, "{a} {b}");
            }
        }
        for (edge, points) in edges.iter().zip(&found.edges) {
            assert_eq!(points.len() % 2, 0);
            for pair in points.chunks(2) {
                for step in 0..=10 {
                    let t = f64::from(step) / 10.0;
                    let at = (pair[0].0 + t * (pair[1].0 - pair[0].0), pair[0].1);
                    let own = |p: usize| p == edge.0 || p == edge.1;
                    assert!((0..sizes.len()).all(|p| own(p) || !inside(p, at)), "{edge:?}");
                }
            }
        }
        found
    }

    #[test]
    fn nothing_overlaps_and_no_line_passes_through_a_node() {
        let all: Vec<(usize, usize)> =
            (0..7).flat_map(|to| (0..to).map(move |from| (from, to))).collect();
        check(&[(60.0, 20.0); 7], &all);
        let some = [(0, 3), (1, 3), (2, 3), (0, 6), (1, 5), (3, 5), (4, 5), (5, 6)];
        check(
            &[
                (10.0, 90.0),
                (50.0, 20.0),
                (60.0, 40.0),
                (20.0, 20.0),
                (80.0, 20.0),
                (9.0, 9.0),
                (9.0, 9.0),
            ],
            &some,
        );
        let alone = check(&[(30.0, 10.0)], &[]);
        assert_eq!((alone.width, alone.height), (30.0, 10.0));
    }

    #[test]
    fn lines_that_need_not_cross_do_not() {
        let found = check(&[(10.0, 10.0); 4], &[(0, 3), (1, 2)]);
        let above = |a: usize, b: usize| found.nodes[a].1 < found.nodes[b].1;
        assert_eq!(above(0, 1), above(3, 2));
    }

    #[test]
    fn nearest_ascending_numbers() {
        assert_eq!(ascending(&[1.0, 3.0, 2.0, 5.0]), [1.0, 2.5, 2.5, 5.0]);
        assert_eq!(ascending(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        assert!(ascending(&[]).is_empty());
    }
}
