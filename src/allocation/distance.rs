//! How far two places are apart, in whole metres and without a float.

/// Metres of one degree of a great circle on a sphere of 6 371 008.8 m (IUGG mean radius).
const METRES_PER_DEGREE: i128 = 111_195;
/// Millionths of a degree in a degree.
const MICRO: i128 = 1_000_000;
/// The unit of the cosine below: a billionth.
const NANO: i128 = 1_000_000_000;

/// A place in millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Degrees north, in millionths.
    pub latitude: i64,
    /// Degrees east, in millionths.
    pub longitude: i64,
}

/// The distance of two places in metres, rounded down, by the equirectangular approximation: the
/// difference of longitudes is shrunk by the cosine of the middle latitude, and both legs are
/// joined by Pythagoras.
///
/// Within a province this is less than one part in a thousand from the great circle; roads are
/// longer than either, so a county that knows better keeps a table of routes.
pub fn metres_between(one: Place, other: Place) -> i64 {
    let north = (i128::from(one.latitude) - i128::from(other.latitude)).abs();
    let mut east = (i128::from(one.longitude) - i128::from(other.longitude)).abs();
    // Across the date line the shorter way counts.
    if east > 180 * MICRO {
        east = 360 * MICRO - east;
    }
    let middle = (i128::from(one.latitude) + i128::from(other.latitude)) / 2;
    let north = north * METRES_PER_DEGREE / MICRO;
    let east = east * METRES_PER_DEGREE / MICRO * cosine(middle) / NANO;
    let square = (north * north + east * east).unsigned_abs();
    i64::try_from(square.isqrt()).unwrap_or(i64::MAX)
}

/// The cosine of an angle in millionths of a degree, in billionths, by its Taylor series up to the
/// tenth power: for latitudes the rest is below a millionth.
fn cosine(micro_degrees: i128) -> i128 {
    // π / 180 / 10⁶ in billionths is 17.453 292 52.
    let radians = micro_degrees * 1_745_329_252 / 100_000_000;
    let square = radians * radians / NANO;
    let mut term = NANO;
    let mut sum = NANO;
    for step in 1..=5_i128 {
        term = -term * square / NANO / (2 * step * (2 * step - 1));
        sum += term;
    }
    sum.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude: i64, longitude: i64) -> Place {
        Place { latitude, longitude }
    }

    #[test]
    fn a_degree_of_latitude_is_111_kilometres_everywhere() {
        assert_eq!(
            metres_between(place(24_000_000, 114_000_000), place(25_000_000, 114_000_000)),
            111_195
        );
        assert_eq!(metres_between(place(60_000_000, 0), place(61_000_000, 0)), 111_195);
    }

    #[test]
    fn a_degree_of_longitude_shrinks_towards_the_pole() {
        // cos 60° = 1/2.
        let metres = metres_between(place(60_000_000, 10_000_000), place(60_000_000, 11_000_000));
        assert!((metres - 55_597).abs() <= 2, "{metres}");
        assert_eq!(metres_between(place(0, 0), place(0, 1_000_000)), 111_195);
    }

    #[test]
    fn quannan_to_dajishan_is_what_the_map_says() {
        // 24.742° N 114.530° E to 24.583° N 114.367° E: 24 164 m by the haversine formula.
        let metres = metres_between(place(24_742_000, 114_530_000), place(24_583_000, 114_367_000));
        assert!((metres - 24_164).abs() < 30, "{metres}");
    }

    #[test]
    fn the_shorter_way_round_the_world_counts_and_nothing_is_far_from_itself() {
        let metres = metres_between(place(0, 179_500_000), place(0, -179_500_000));
        assert_eq!(metres, 111_195);
        assert_eq!(
            metres_between(place(24_742_000, 114_530_000), place(24_742_000, 114_530_000)),
            0
        );
    }

    proptest::proptest! {
        #[test]
        fn the_way_there_is_as_long_as_the_way_back(a in -80_000_000_i64..80_000_000, b in -180_000_000_i64..180_000_000, c in -80_000_000_i64..80_000_000, d in -180_000_000_i64..180_000_000) {
            let there = metres_between(place(a, b), place(c, d));
            proptest::prop_assert_eq!(there, metres_between(place(c, d), place(a, b)));
            proptest::prop_assert!((0..=32_000_000).contains(&there));
        }
    }
}
