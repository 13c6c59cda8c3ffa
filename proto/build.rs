//! Compiles the .proto files with protox, so that no protoc is needed.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    // The packages' modules are named for what they are, not nested as protobuf's package names are.
    // The ramdisk's file imports the link's: it comes first, because both runs write the link's module.
    tonic_prost_build::configure()
        .extern_path(".billet.link.v1", "crate::link")
        .compile_fds(protox::compile(["proto/ramdisk.proto"], ["proto"])?)?;
    // The controller keeps what was seen of a server as JSON.
    let mut link = tonic_prost_build::configure();
    let machine = ["Inventory", "Disk", "Processor", "MemoryModule", "NetworkPort", "WipedDisk", "ByteRange"];
    let baseline = ["Baseline", "FirmwareVersion", "DiskCapacity", "BootVariables", "LoadOption", "LoadOrder"];
    let bmc = ["BmcFacts", "BmcUser", "BmcSetting"];
    for kept in machine.iter().chain(&baseline).chain(&bmc) {
        let derive = "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default)]";
        link = link.type_attribute(format!(".billet.link.v1.{kept}"), derive);
    }
    link.compile_fds(protox::compile(["proto/link.proto"], ["proto"])?)?;
    Ok(())
}
