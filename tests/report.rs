//! Reports of searches, and drawings of architectures. What only a browser shows is checked by
//! scripts/test-report.sh.

#[path = "common/searches.rs"]
mod searches;

use std::fs;

use searches::{config, context, finished, watch};
use tenas::random::{Key, Purpose};
use tenas::{
    Benchmark, Config, Context, Dataset, DatasetKind, Error, Genotype, GenotypeFormat, Measured,
    Sampling, SpaceKind, Strategy, Supernet, proxy, report,
};

/// That tags are closed in order, as XML asks, and no text is markup. Pages have a few tags that are
/// never closed.
fn check_markup(text: &str) {
    const OPEN: [&str; 3] = ["meta", "link", "!DOCTYPE"];
    let mut open = Vec::new();
    let mut rest = text;
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').expect("a tag that ends");
        rest = after;
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "at byte {}", text.len() - rest.len());
        } else if !tag.ends_with('/') && !OPEN.contains(&name) {
            open.push(name);
            if name == "script" || name == "style" {
                let end = format!("</{name}>");
                rest = &rest[rest.find(&end).unwrap()..];
            }
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_report_has_what_was_found_and_how() {
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let search = finished(&config(kind, Sampling::Common));
        let page = report::html(&search, None).unwrap();
        check_markup(&page);
        // Twice the same.
        assert_eq!(page, report::html(&search, None).unwrap());
        let native = search.genotype().unwrap().to_text(GenotypeFormat::Native);
        let native = native.replace('\'', "&#39;");
        assert!(page.contains(&format!("<pre id=\"genotype\">{native}</pre>")), "{native}");
        for round in search.rounds() {
            let title = format!(
                "Round {} removed {} of {} candidates",
                round.round + 1,
                round.pruned,
                round.candidates
            );
            assert!(page.contains(&title), "{title}");
        }
        // Each candidate has its place in a heat map, and each that went a cross.
        assert_eq!(page.matches("without it: NTK ").count(), search.records().len());
        assert_eq!(
            page.matches("✕ ").count() - page.matches("ones go first; ✕ and").count(),
            search.records().iter().filter(|r| r.pruned).count()
        );
        for network in ["src=", "href=\"http", "url(", "@import"] {
            assert!(!page.contains(network), "{network}");
        }
        let json: serde_json::Value = {
            let (_, rest) = page.split_once("<pre>").unwrap();
            let text = rest.split_once("</pre>").unwrap().0.replace("&quot;", "\"");
            serde_json::from_str(
                &text
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&#39;", "'")
                    .replace("&amp;", "&"),
            )
            .unwrap()
        };
        assert_eq!(json, search.config().to_json());
    }
}

#[test]
fn a_search_that_is_not_finished_tells_of_its_rounds() {
    let mut search = context(&config(SpaceKind::NasBench201, Sampling::Common));
    let page = report::html(&search, None).unwrap();
    check_markup(&page);
    assert!(page.contains("A search after 0 of 3 rounds"), "{page}");
    search.run_round(&mut watch).unwrap();
    let page = report::html(&search, None).unwrap();
    check_markup(&page);
    assert!(
        page.contains("A search after 1 of 3 rounds") && page.contains("Round 1 removed 6 of 24")
    );
    let mut config = config(SpaceKind::NasBench201, Sampling::Common);
    config.set_strategy(Strategy::Rank);
    config.set_budget(20).unwrap();
    let page = report::html(&context(&config), None).unwrap();
    check_markup(&page);
    assert!(page.contains("No round is finished yet"));
}

/// A ranking of all classes of NAS-Bench-201 by six scores whose values are random.
fn large() -> Context {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
    config.set_strategy(Strategy::Rank);
    let names = ["ntk", "regions", "naswot", "swap", "flops", "parameters"];
    config.set_proxies(&names.map(|name| proxy::named(name).unwrap())).unwrap();
    config.set_budget(6466).unwrap();
    config.set_rungs(1).unwrap();
    let images = Dataset::synthetic(DatasetKind::Cifar10, 1).unwrap();
    let mut search = Context::new(&config, &images).unwrap();
    let key = Key { seed: 4, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 9 };
    let mut stream = key.stream(0);
    let digest = search.round_digest().unwrap();
    let all: Vec<Measured> = (0..search.candidate_count() as u32)
        .map(|candidate| Measured {
            digest,
            round: 0,
            candidate,
            draw: 0,
            values: (0..names.len()).map(|_| stream.normal().exp()).collect(),
        })
        .collect();
    assert!(search.settle(&all).unwrap());
    search
}

#[test]
fn a_report_of_6466_architectures_is_small() {
    let search = large();
    let page = report::html(&search, None).unwrap();
    check_markup(&page);
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(page.contains("The first 20 of 6,466 architectures"));
    // All pairs of six scores.
    assert_eq!(page.matches("<details open data-pair=").count(), 1);
    assert_eq!(page.matches("data-pair=\"").count(), 15);
    let (_, data) = page.split_once("id=\"points\">").unwrap();
    let data: serde_json::Value =
        serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    let connected = search.ranking().iter().filter(|r| r.connected).count();
    assert_eq!(data["architectures"].as_array().unwrap().len(), connected);
}

#[test]
fn a_table_adds_accuracies_and_must_be_of_the_space() {
    let folder = tempfile::tempdir().unwrap();
    let search = finished(&config(SpaceKind::NasBench201, Sampling::Common));
    let found = search.genotype().unwrap().to_text(GenotypeFormat::Native);
    let path = folder.path().join("table.tsv");
    fs::write(&path, format!("arch\tcifar10\tcifar100\n{found}\t93.125\t\n")).unwrap();
    let table = Benchmark::open(&path).unwrap();
    let page = report::html(&search, Some(&table)).unwrap();
    assert!(page.contains("Test accuracy on cifar10</dt><dd>93.13 %"), "{page}");
    assert!(!page.contains("accuracy on cifar100"));
    let other = finished(&config(SpaceKind::Darts, Sampling::Independent));
    let error = report::html(&other, Some(&table)).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidArgument(text) if text.contains("nas-bench-201") && text.contains("darts"))
    );
    // The file is replaced, or left as it was.
    let page = folder.path().join("report.html");
    fs::write(&page, "before").unwrap();
    assert!(report::write(&other, Some(&table), &page).is_err());
    assert_eq!(fs::read_to_string(&page).unwrap(), "before");
    report::write(&search, Some(&table), &page).unwrap();
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn architectures_of_any_space_are_drawn() {
    for file in
        ["darts", "mobilenet-v2", "nas-bench-201", "nats-bench-size", "transnas-bench-101-micro"]
    {
        let path = format!("{}/spaces/{file}.json", env!("CARGO_MANIFEST_DIR"));
        let space = Supernet::from_json(&fs::read_to_string(path).unwrap()).unwrap().space;
        for index in 0..20 {
            let key =
                Key { seed: index, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
            let genotype = Genotype::sample(&space, &mut key.stream(0)).unwrap();
            let svg = report::genotype_svg(&genotype);
            check_markup(&svg);
            // A box for each operation that adds something.
            let mask = genotype.mask();
            let boxes: usize = space
                .edges()
                .filter(|(c, _)| space.cells[*c].options.iter().any(|o| o.len() > 1))
                .map(|(c, e)| mask.operations_on(c, e).filter(|o| Some(*o) != space.none).count())
                .sum();
            assert_eq!(svg.matches("fill=\"#ffffff\" stroke").count(), boxes, "{file} {index}");
        }
    }
    // A step that reads one state twice has a box for each.
    let darts = SpaceKind::Darts.space();
    let text = "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 0), \
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), \
        ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), \
        ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), \
        ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])";
    let twice = Genotype::parse(&darts, text).unwrap();
    assert!(twice.has_parallel_edges());
    let svg = report::genotype_svg(&twice);
    check_markup(&svg);
    assert_eq!(svg.matches("fill=\"#ffffff\" stroke").count(), 16);
}

#[test]
fn pictures_of_pairs() {
    let x = [1.0, 2.0, 3.0, 4.0];
    let svg = report::scatter_svg("a <b>", "c & d", &x, &[1.0, 10.0, 100.0, 1000.0]).unwrap();
    check_markup(&svg);
    assert!(svg.contains("c &amp; d and a &lt;b&gt;: Spearman&#39;s ρ = 1</text>"), "{svg}");
    let flat = report::scatter_svg("a", "b", &x, &[1.0; 4]).unwrap();
    check_markup(&flat);
    assert!(flat.contains("no rank correlation"));
    for (x, y, expected) in [
        (&x[..1], &x[..1], "x: found 1 values, expected at least 2"),
        (&x[..2], &x[..3], "y: found 3 values, expected 2"),
        (&[1.0, f64::INFINITY][..], &x[..2], "x[1]: found inf, expected a finite number"),
    ] {
        let error = report::scatter_svg("a", "b", x, y).unwrap_err();
        assert!(
            matches!(&error, Error::InvalidArgument(text) if text.starts_with(expected)),
            "{error}"
        );
    }
}
