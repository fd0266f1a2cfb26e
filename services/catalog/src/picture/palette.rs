//! Colours by category, three harmonies each. A motif names them `$A` (body), `$B` (shade), `$C` (light), `$K` (ink).

/// The colours of one picture.
pub(super) struct Palette {
    pub ground: &'static str,
    pub veil: &'static str,
    pub body: &'static str,
    pub shade: &'static str,
    pub light: &'static str,
    pub ink: &'static str,
}

type Harmony = (&'static str, &'static str, &'static str);
/// Ground, veil, ink and three harmonies of body, shade and light.
type Room = (&'static str, &'static str, &'static str, [Harmony; 3]);

const ROOMS: [(&str, Room); 8] = [
    (
        "rope-and-fenders",
        (
            "#eee6d8",
            "#e0d4bf",
            "#1b2b40",
            [
                ("#c79a5b", "#a67a3e", "#f0d9ab"),
                ("#2d4f74", "#1f3a58", "#d9e4ee"),
                ("#8d3b34", "#6d2a25", "#efc9b8"),
            ],
        ),
    ),
    (
        "deck-hardware",
        (
            "#e4e8ea",
            "#d3dade",
            "#22303c",
            [
                ("#8b9aa6", "#687884", "#f2f5f7"),
                ("#7a8f9d", "#566b79", "#e9eff3"),
                ("#b08d57", "#8c6c3c", "#f3e5c7"),
            ],
        ),
    ),
    (
        "navigation",
        (
            "#dfe8ec",
            "#cbdae1",
            "#14303f",
            [
                ("#b98a3c", "#93692a", "#f4dfae"),
                ("#2a6277", "#1c4757", "#d5e8ee"),
                ("#1f4e63", "#153848", "#e8d9b2"),
            ],
        ),
    ),
    (
        "safety",
        (
            "#f4e6db",
            "#ead3c2",
            "#3a221a",
            [
                ("#e2592b", "#b9421b", "#fde3d1"),
                ("#e8862a", "#c06814", "#fff0d8"),
                ("#cf3f35", "#a52c25", "#fbdcd3"),
            ],
        ),
    ),
    (
        "foul-weather",
        (
            "#e2e9e4",
            "#cfdbd3",
            "#1c2f2b",
            [
                ("#2f6b5e", "#214f45", "#d5e9e0"),
                ("#e0a526", "#b98316", "#fdf0c8"),
                ("#29415f", "#1b2e46", "#d8e2ee"),
            ],
        ),
    ),
    (
        "galley-and-cabin",
        (
            "#f0e7dd",
            "#e3d5c5",
            "#33241b",
            [
                ("#30507a", "#223c5e", "#eef3f8"),
                ("#b4552d", "#8f3f1e", "#f7ddc9"),
                ("#59715c", "#425646", "#e5eee2"),
            ],
        ),
    ),
    (
        "lamps-and-power",
        (
            "#e9e4ee",
            "#d9d1e2",
            "#262236",
            [
                ("#c08f35", "#976c22", "#ffe9a8"),
                ("#4b4a78", "#363559", "#ffe7a1"),
                ("#7c3a3a", "#5d2929", "#ffe3a6"),
            ],
        ),
    ),
    (
        "bosuns-locker",
        (
            "#e9e8dc",
            "#d9d8c6",
            "#2b2c22",
            [
                ("#8a7a4b", "#6a5d36", "#efe6c6"),
                ("#4e6152", "#38483c", "#e0e9de"),
                ("#a2573a", "#7e4029", "#f3d9c8"),
            ],
        ),
    ),
];

impl Palette {
    /// The category's colours; those of the locker for a category that has none of its own.
    pub fn of(category: &str, harmony: usize) -> Self {
        let room = ROOMS.iter().find(|(slug, _)| *slug == category).unwrap_or(&ROOMS[7]).1;
        let (ground, veil, ink, harmonies) = room;
        let (body, shade, light) = harmonies[harmony % harmonies.len()];
        Self { ground, veil, body, shade, light, ink }
    }

    #[cfg(test)]
    pub fn is_known(category: &str) -> bool {
        ROOMS.iter().any(|(slug, _)| *slug == category)
    }

    /// Appends a motif with its colours filled in.
    pub fn paint(&self, svg: &mut String, shape: &str) {
        let mut parts = shape.split('$');
        svg.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let colour = match part.as_bytes().first() {
                Some(b'A') => self.body,
                Some(b'B') => self.shade,
                Some(b'C') => self.light,
                _ => self.ink,
            };
            svg.push_str(colour);
            svg.push_str(part.get(1..).unwrap_or_default());
        }
    }
}
