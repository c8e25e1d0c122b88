//! Compiles the gRPC contracts with protox, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["identity", "catalog", "inventory", "cart", "orders", "payments", "delivery"]
        .map(|name| format!("proto/{name}.proto"));
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(&files, ["proto"])?;
    // Instances of orders tell each other of offers.
    let plain = "#[derive(serde::Serialize, serde::Deserialize)]";
    tonic_prost_build::configure()
        .type_attribute("souk.catalog.Offer", plain)
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
