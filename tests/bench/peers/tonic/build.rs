// The messages and stubs of bench.proto; BENCH_PROTO names its folder.
fn main() {
    let folder = std::env::var("BENCH_PROTO").expect("BENCH_PROTO: the folder of bench.proto");
    tonic_prost_build::configure()
        .compile_protos(&[format!("{folder}/bench.proto")], &[folder])
        .expect("bench.proto");
}
