namespace StackDepth.Native.Sys;

/// <summary>Commands of <c>bpf(2)</c>, with the numbers of the kernel's <c>enum bpf_cmd</c>.</summary>
internal enum BpfCommand
{
    MapCreate = 0,
    MapLookupElem = 1,
    MapUpdateElem = 2,
    MapDeleteElem = 3,
    MapGetNextKey = 4,
    ProgLoad = 5,
    ProgTestRun = 10,
    ObjGetInfoByFd = 15,
    RawTracepointOpen = 17,
    BtfLoad = 18,
    MapLookupBatch = 24,
    MapUpdateBatch = 26,
    LinkCreate = 28,
    EnableStats = 32,
    IterCreate = 33,
}
