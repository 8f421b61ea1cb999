/** Reads and writes {@link OnnxGraph}s as ONNX files: protobuf with the schema in proto/onnx/onnx.proto. */
import { onnx } from '../generated/onnx.js';
import type { OnnxAttribute, OnnxDataType, OnnxFunction, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from './graph.js';
import { bodies, bytesOf } from './graph.js';

/**
 * IR 8 and opset 17 are the newest versions that the ONNX checkers of current Linux distributions accept. Within opset
 * 14–21, ONNX Runtime's WebGPU kernels take the recurrent operators.
 */
const defaultOpset = 17;

/** The version of the file format in which an opset appeared; not below the one that has functions. */
function irVersionOf(opset: number): number {
  return opset >= 21 ? 10 : opset >= 19 ? 9 : 8;
}

/** ONNX's codes of the element types, as in Cast's attribute `to`. */
export const elementTypes: Readonly<Record<OnnxDataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};
const dataTypes = new Map(Object.entries(elementTypes).map(([name, code]) => [code, name as OnnxDataType]));

/**
 * Encodes `graph` as the bytes of an ONNX file. `metadata` is stored with the model as key-value pairs.
 * @param opset the version of the operators, as which the graph's nodes are written
 */
export function encodeOnnx(
  graph: OnnxGraph,
  metadata: Readonly<Record<string, string>> = {},
  opset = defaultOpset,
): Uint8Array {
  const model = new onnx.ModelProto({
    irVersion: irVersionOf(opset),
    producerName: 'unroll',
    opsetImport: opsetsOf(allNodes(graph), opset),
    metadataProps: Object.entries(metadata).map(([key, value]) => new onnx.StringStringEntryProto({ key, value })),
    graph: encodeGraph(graph),
    functions: (graph.functions ?? []).map((body) => encodeFunction(body, opset)),
  });
  return onnx.ModelProto.encode(model).finish();
}

/**
 * Decodes the graph in the bytes of an ONNX file.
 * @throws Error if the bytes are not an ONNX model of the subset that Unroll writes
 */
export function decodeOnnx(bytes: Uint8Array): OnnxGraph {
  const { graph, functions = [] } = onnx.ModelProto.decode(bytes);
  if (!graph) throw new Error('not an ONNX model: it has no graph');
  const decoded = decodeGraph(graph as onnx.GraphProto);
  if (functions.length === 0) return decoded;
  return { ...decoded, functions: functions.map((body) => decodeFunction(body as onnx.FunctionProto)) };
}

/** The operator sets that these nodes use, with their versions. */
function opsetsOf(nodes: readonly OnnxNode[], opset: number): onnx.OperatorSetIdProto[] {
  const domains = new Set(nodes.map(({ domain }) => domain ?? '').filter((domain) => domain !== ''));
  return [
    new onnx.OperatorSetIdProto({ domain: '', version: opset }),
    ...[...domains].map((domain) => new onnx.OperatorSetIdProto({ domain, version: 1 })),
  ];
}

/** All nodes of the graph, including those of graphs that its nodes carry. */
function allNodes({ nodes }: Pick<OnnxGraph, 'nodes'>): OnnxNode[] {
  return nodes.flatMap((node) => [node, ...bodies(node).flatMap(allNodes)]);
}

function encodeGraph(graph: OnnxGraph): onnx.GraphProto {
  return new onnx.GraphProto({
    name: 'unroll',
    node: graph.nodes.map(encodeNode),
    initializer: graph.initializers.map(encodeTensor),
    input: graph.inputs.map(encodeValue),
    output: graph.outputs.map(encodeValue),
  });
}

function decodeGraph(graph: onnx.GraphProto): OnnxGraph {
  return {
    inputs: (graph.input ?? []).map((value) => decodeValue(value as onnx.ValueInfoProto)),
    outputs: (graph.output ?? []).map((value) => decodeValue(value as onnx.ValueInfoProto)),
    initializers: (graph.initializer ?? []).map((tensor) => decodeTensor(tensor as onnx.TensorProto)),
    nodes: (graph.node ?? []).map((node) => decodeNode(node as onnx.NodeProto)),
  };
}

function encodeFunction({ domain, name, inputs, outputs, nodes }: OnnxFunction, opset: number): onnx.FunctionProto {
  return new onnx.FunctionProto({
    domain,
    name,
    input: [...inputs],
    output: [...outputs],
    node: nodes.map(encodeNode),
    opsetImport: opsetsOf(allNodes({ nodes }), opset),
  });
}

function decodeFunction({ domain, name, input, output, node }: onnx.FunctionProto): OnnxFunction {
  const nodes = (node ?? []).map((call) => decodeNode(call as onnx.NodeProto));
  return { domain, name, inputs: input ?? [], outputs: output ?? [], nodes };
}

function encodeNode(node: OnnxNode, index: number): onnx.NodeProto {
  return new onnx.NodeProto({
    name: `${node.opType}_${index}`,
    opType: node.opType,
    domain: node.domain ?? '',
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => encodeAttribute(name, value)),
  });
}

const { AttributeType } = onnx.AttributeProto;

function encodeAttribute(name: string, value: OnnxAttribute): onnx.AttributeProto {
  if ('i' in value) return new onnx.AttributeProto({ name, type: AttributeType.INT, i: value.i });
  if ('f' in value) return new onnx.AttributeProto({ name, type: AttributeType.FLOAT, f: value.f });
  if ('g' in value) return new onnx.AttributeProto({ name, type: AttributeType.GRAPH, g: encodeGraph(value.g) });
  if ('ints' in value) return new onnx.AttributeProto({ name, type: AttributeType.INTS, ints: [...value.ints] });
  if ('floats' in value) {
    return new onnx.AttributeProto({ name, type: AttributeType.FLOATS, floats: [...value.floats] });
  }
  if ('strings' in value) {
    const strings = value.strings.map((text) => new TextEncoder().encode(text));
    return new onnx.AttributeProto({ name, type: AttributeType.STRINGS, strings });
  }
  return new onnx.AttributeProto({ name, type: AttributeType.STRING, s: new TextEncoder().encode(value.s) });
}

function encodeTensor({ name, dtype, shape, data }: OnnxTensor): onnx.TensorProto {
  return new onnx.TensorProto({ name, dataType: elementTypes[dtype], dims: [...shape], rawData: data });
}

function encodeValue({ name, dtype, shape }: OnnxValue): onnx.ValueInfoProto {
  const dim = shape.map((dimension) =>
    typeof dimension === 'number'
      ? new onnx.TensorShapeProto.Dimension({ dimValue: dimension })
      : new onnx.TensorShapeProto.Dimension({ dimParam: dimension }),
  );
  const tensorType = new onnx.TypeProto.Tensor({
    elemType: elementTypes[dtype],
    shape: new onnx.TensorShapeProto({ dim }),
  });
  return new onnx.ValueInfoProto({ name, type: new onnx.TypeProto({ tensorType }) });
}

function decodeNode(node: onnx.NodeProto): OnnxNode {
  return {
    opType: node.opType,
    ...(node.domain ? { domain: node.domain } : {}),
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: Object.fromEntries(
      (node.attribute ?? []).map((attribute) => [
        attribute.name ?? '',
        decodeAttribute(attribute as onnx.AttributeProto),
      ]),
    ),
  };
}

function decodeAttribute(attribute: onnx.AttributeProto): OnnxAttribute {
  switch (attribute.type) {
    case AttributeType.INT:
      return { i: Number(attribute.i) };
    case AttributeType.FLOAT:
      return { f: attribute.f };
    case AttributeType.STRING:
      return { s: new TextDecoder().decode(attribute.s) };
    case AttributeType.INTS:
      return { ints: (attribute.ints ?? []).map(Number) };
    case AttributeType.FLOATS:
      return { floats: attribute.floats ?? [] };
    case AttributeType.STRINGS:
      return { strings: (attribute.strings ?? []).map((text) => new TextDecoder().decode(text)) };
    case AttributeType.GRAPH:
      return { g: decodeGraph(attribute.g as onnx.GraphProto) };
    default:
      throw new Error(`attribute '${attribute.name}' has a type (${attribute.type}) that Unroll does not write`);
  }
}

function decodeTensor(tensor: onnx.TensorProto): OnnxTensor {
  return {
    name: tensor.name,
    dtype: dataType(tensor.dataType, tensor.name),
    shape: (tensor.dims ?? []).map(Number),
    // A plain view: in Node, protobuf returns Buffers, whose slice() does not copy.
    data: bytesOf(tensor.rawData),
  };
}

function decodeValue(value: onnx.ValueInfoProto): OnnxValue {
  const tensorType = value.type?.tensorType;
  return {
    name: value.name,
    dtype: dataType(tensorType?.elemType ?? 0, value.name),
    shape: (tensorType?.shape?.dim ?? []).map((dimension) => dimension.dimParam || Number(dimension.dimValue)),
  };
}

function dataType(code: number, name: string): OnnxDataType {
  const dtype = dataTypes.get(code);
  if (!dtype) throw new Error(`tensor '${name}' has element type ${code}, which Unroll does not write`);
  return dtype;
}
